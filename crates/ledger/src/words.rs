//! The closed word lists of the field values: class, state, ability, role and the like.
//!
//! Lives here: each word once, as the API and the files spell it.
//! Lives elsewhere: which field holds which list (`kind`), what a word allows (`roles`, `kinds`).
//!
//! Always: a word is stored in the log as it is spelled here, so a word is never renamed or removed.

use std::fmt;
use std::io;

use crate::saved::{In, Out, Saved};

/// Makes an enum and its word list from the same lines.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// All of them, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// Their words, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// The word of the API and the files.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Returns the value of a word.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Position in [`Self::ALL`], for packed rows.
            pub const fn index(self) -> u8 {
                #[expect(clippy::as_conversions, reason = "repr(u8): the discriminant is the position")]
                {
                    self as u8
                }
            }

            /// Returns the value at a position of [`Self::ALL`].
            pub fn at(index: u8) -> Option<Self> {
                Self::ALL.get(usize::from(index)).copied()
            }
        }

        impl Saved for $name {
            fn layout(out: &mut String) {
                out.push_str(stringify!($name));
                out.push_str(&format!("{:?}", Self::WORDS));
            }

            fn save(&self, out: &mut Out<'_>) -> io::Result<()> {
                self.index().save(out)
            }

            fn load(from: &mut In<'_>) -> io::Result<Self> {
                Self::at(u8::load(from)?).ok_or_else(In::wrong)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

words! {
    /// Class of a household.
    Class {
        /// 一般贫困户.
        General "general",
        /// 低保户.
        Dibao "dibao",
        /// 五保户 (特困供养).
        Wubao "wubao",
    }
}

words! {
    /// State of a household.
    HouseholdState {
        /// 在册: registered as poor.
        Registered "registered",
        /// 脱贫.
        Exited "exited",
        /// 清退: was never entitled.
        Removed "removed",
        /// 注销: nobody left, moved out of the province, or merged into another.
        Dissolved "dissolved",
    }
}

words! {
    /// Cause of poverty.
    Cause {
        /// 因病.
        Illness "illness",
        /// 因残.
        Disability "disability",
        /// 因学.
        Schooling "schooling",
        /// 因灾.
        Disaster "disaster",
        /// 缺土地.
        NoLand "no_land",
        /// 缺技术.
        NoSkill "no_skill",
        /// 缺劳力.
        NoLabour "no_labour",
        /// 缺资金.
        NoFunds "no_funds",
        /// 其他.
        Other "other",
    }
}

words! {
    /// Ability to work.
    Ability {
        /// 有劳动能力.
        Full "full",
        /// 部分丧失.
        Partial "partial",
        /// 丧失.
        None "none",
        /// Too young to work.
        Minor "minor",
        /// Too old to work.
        Elder "elder",
    }
}

words! {
    /// Sex of a person, as the identity document says.
    Sex {
        /// 男.
        Male "m",
        /// 女.
        Female "f",
    }
}

words! {
    /// Why a household is dissolved (119).
    DissolvedReason {
        /// No member left.
        Died "died",
        /// Left the province.
        LeftProvince "left_province",
        /// Anything else.
        Other "other",
    }
}

words! {
    /// Why a member joins (120).
    AddedReason {
        /// Born.
        Birth "birth",
        /// Married in.
        Marriage "marriage",
        /// Came back.
        Return "return",
        /// Left out before.
        Omitted "omitted",
    }
}

words! {
    /// Why a member leaves (122).
    LeftReason {
        /// Married out.
        Marriage "marriage",
        /// Moved away.
        Moved "moved",
        /// Joined the army.
        Army "army",
        /// In prison.
        Prison "prison",
        /// Anything else.
        Other "other",
    }
}

words! {
    /// Kind of a payee account.
    AccountKind {
        /// 一卡通: the household's account for state payments.
        Yikatong "yikatong",
        /// Any other bank account.
        Bank "bank",
    }
}

words! {
    /// Kind of an organisation; the first letters of its id.
    OrgKind {
        /// Finance bureau 财政局.
        Fb "FB",
        /// Poverty office 扶贫办.
        Po "PO",
        /// Town government 镇政府.
        Tg "TG",
        /// Village committee 村委会.
        Vc "VC",
        /// Helping unit 帮扶单位.
        Hu "HU",
        /// Discipline inspection 纪检监察.
        Di "DI",
        /// Audit 审计.
        Au "AU",
        /// Operator 运维.
        Op "OP",
    }
}

words! {
    /// What an official may do for an organisation. Source: domain contract, section 10.
    Role {
        /// Prepares and posts vouchers.
        Preparer "preparer",
        /// Approves vouchers.
        Approver "approver",
        /// Approves vouchers and exceptions.
        FinanceHead "finance_head",
        /// Prepares registry events.
        Registrar "registrar",
        /// Approves registry events and their exceptions.
        RegistrarApprover "registrar_approver",
        /// Prepares or approves rules, baselines; tranches (FB44); access and erasure (PO44).
        RuleKeeper "rule_keeper",
        /// Reads everything a helping city's quotas touched.
        HelperFinance "helper_finance",
        /// Discipline inspection: reads all in scope, opens findings, sets legal holds.
        Inspector "inspector",
        /// Audit: as an inspector.
        Auditor "auditor",
        /// Reads aggregated views.
        Reporter "reporter",
        /// Prints village notices.
        Notice "notice",
        /// Status, snapshot, backup.
        Operator "operator",
    }
}

words! {
    /// Programme of a quota or a purpose.
    Programme {
        /// The fund under the share scheme and the cap: sources P, H, L.
        Dev "dev",
        /// Special funds: source S.
        Special "special",
        /// A helping unit's own money: source U.
        Unit "unit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.name()), Some(*role));
            assert_eq!(Role::at(role.index()), Some(*role));
        }
        assert_eq!(Class::WORDS, ["general", "dibao", "wubao"]);
        assert_eq!((Class::parse("Dibao"), Class::at(3)), (None, None));
        assert_eq!(HouseholdState::Dissolved.to_string(), "dissolved");
    }
}
