//! The fields of a line: number, name and shape of each, once.
//!
//! Lives here: what a line can hold at all. Numbers are those of the API's `Line` message, names those
//! of the content digest and of voucher files.
//! Lives elsewhere: which kind has which fields, and what must stand in them (`kind`); values
//! (`voucher`).
//!
//! Always: a test holds this table equal to the published descriptor.

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Shape {
    /// UTF-8 text.
    Text,
    /// Bytes: a token, a key, a hash.
    Blob,
    /// A whole number that the API counts in 32 bits.
    Uint32,
    /// A whole number that the API counts in 64 bits.
    Uint64,
    /// A signed whole number.
    Int64,
    /// Money in fen: `NAME_fen` in the API, `NAME_yuan` in files.
    Fen,
    /// Yes or no.
    Bool,
    /// Texts.
    TextList,
    /// Whole numbers of 32 bits.
    Uint32List,
    /// Whole numbers of 64 bits.
    Uint64List,
    /// Persons of a household.
    Members,
    /// One person of a household.
    Member,
    /// Entries of a share register.
    Shares,
    /// Rows of a data file: maps from column to text.
    Rows,
    /// Parameters of a flag: name and value.
    Params,
    /// Heads by county.
    Counties,
}

impl Shape {
    /// Whether it is a list.
    pub const fn is_list(self) -> bool {
        matches!(
            self,
            Self::TextList
                | Self::Uint32List
                | Self::Uint64List
                | Self::Members
                | Self::Shares
                | Self::Rows
                | Self::Params
                | Self::Counties
        )
    }

    /// Names and shapes of the members of a structure or of a list's entries, in the order of their
    /// numbers in the API (1, 2, 3 and so on); empty for what has no members of fixed names.
    pub const fn members(self) -> &'static [(&'static str, Self)] {
        match self {
            Self::Members | Self::Member => &[
                ("no", Self::Uint32),
                ("person", Self::Blob),
                ("birth_year", Self::Uint32),
                ("sex", Self::Text),
                ("ability", Self::Text),
                ("dibao", Self::Bool),
                ("student", Self::Bool),
                ("insured", Self::Bool),
            ],
            Self::Shares => {
                &[("household", Self::Text), ("village", Self::Text), ("shares", Self::Uint32)]
            }
            Self::Params => &[("name", Self::Text), ("value", Self::Int64)],
            Self::Counties => &[("unit", Self::Text), ("heads", Self::Uint64)],
            _ => &[],
        }
    }
}

macro_rules! fields {
    ($($number:literal $variant:ident $shape:ident $name:literal $doc:literal;)*) => {
        /// A field of a line.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Field {
            $(#[doc = $doc] $variant = $number,)*
        }

        impl Field {
            /// All fields, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the field of a number of the API's `Line` message.
            pub const fn of_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Its name in the content digest and, but for money, in files.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What it holds.
            pub const fn shape(self) -> Shape {
                match self {
                    $(Self::$variant => Shape::$shape,)*
                }
            }
        }
    };
}

impl Field {
    /// Highest number of a field.
    pub const NUMBER_MAX: u8 = 150;

    /// Its number in the API's `Line` message.
    pub const fn number(self) -> u8 {
        #[expect(clippy::as_conversions, reason = "repr(u8): the discriminant is the number")]
        {
            self as u8
        }
    }

    /// Returns the field of a name of the content digest. `period` is [`Field::Period`]; of kind 210
    /// it is [`Field::PeriodUnit`].
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.name() == name)
    }
}

#[rustfmt::skip]
fields! {
      3 Quota Text "quota" "Quota id 指标号, e.g. `Q16-4401-0001`; of 371 also `*`.";
      4 Source Text "source" "Source of the money: `P` province, `H` helper, `L` home, `U` helping unit, `S` special funds.";
      5 Treasury Text "treasury" "Treasury of the source, unit code.";
      6 HomeCity Text "home_city" "Home city, unit code.";
      7 Programme Text "programme" "`dev`, `unit` or `special`.";
      8 Unit Text "unit" "Unit that acts or is registered, unit code.";
      9 From Text "from" "320: `src`, when the sender is the source. 114, 124: household code.";
     10 FromUnit Text "from_unit" "Unit that passes on, sends or gives back, unit code.";
     11 To Text "to" "343: `src`, when the money goes back to its source. 124: household code. 403: to whom, in words.";
     12 ToUnit Text "to_unit" "Unit that receives, unit code.";
     13 Household Text "household" "Household code, 17 digits.";
     14 MemberNo Uint32 "member_no" "Member whom a payment names, 1-99. Absent: the household as a whole.";
     15 Account Blob "account" "Account token, 16 bytes.";
     16 Purpose Text "purpose" "Purpose code, e.g. `P02`.";
     17 Loan Text "loan" "Loan id.";
     18 BankRef Text "bank_ref" "Reference of the bank, 1-64 printable ASCII characters.";
     19 Ref Text "ref" "Record this line refers to: `organisation/voucher_no/line_no` or a decimal position. Not of the same voucher.";
     20 Reason Text "reason" "Reason, a code or words as the kind says.";
     21 Amount Fen "amount" "Amount in fen, 1 to 10^15 (of 370, 371 also 0). Absent: the kind has none.";
     22 Tranche Text "tranche" "Tranche id 批次, e.g. `T16-4414-1`.";
     23 Year Uint32 "year" "Calendar year.";
     24 Issued Fen "issued" "310: issued before the ledger began, in fen. Equal to the amount.";
     25 CashIn Fen "cash_in" "310: put in by the source before the ledger began, in fen.";
     26 PaidBefore Fen "paid_before" "310: paid out before the ledger began, in fen.";
     27 Project Text "project" "Project id, e.g. `P441424-00001`.";
     28 Village Text "village" "Village, area code of 12 digits.";
     29 Period Text "period" "Month, `YYYY-MM`.";
     30 Records Uint64 "records" "370: control total, records of the unit in the month.";
     31 Date Text "date" "371: day of the bank's balance, `YYYY-MM-DD`.";
     32 Memo Text "memo" "Memo of the line, 0-200 characters without long digit runs (1027); of a `Reversed` line its reason in words, 10-500 (1028).";
     40 Code Text "code" "Area code, 12 digits.";
     41 NameZh Text "name_zh" "Chinese name of an area, 1-40 characters.";
     42 Parent Text "parent" "Area code of the parent, 12 digits.";
     43 Poor Bool "poor" "Whether the village is a relatively poor village.";
     44 DirectCounty Bool "direct_county" "Whether the county is province-managed 省直管县.";
     45 Successor Text "successor" "Area code that takes the place of a closed one.";
     50 Class Text "class" "Class of the household: `general`, `dibao` or `wubao`.";
     51 Causes TextList "causes" "Causes of poverty, 1-3.";
     52 HelpingUnit Text "helping_unit" "Organisation that helps the household.";
     53 Members Members "members" "Members of the household; of 113 only their numbers.";
     54 Member Member "member" "120: the person who joins.";
     55 NewHousehold Text "new_household" "113: code of the new household, 17 digits.";
     56 Into Text "into" "114: code of the household that goes on, 17 digits.";
     57 No Uint32 "no" "Number of a member, 1-99.";
     58 NewNo Uint32 "new_no" "124: number in the household that is joined, 1-99.";
     59 Ability Text "ability" "Ability to work: `full`, `partial`, `none`, `minor` or `elder`.";
     60 Dibao Bool "dibao" "Whether the person receives subsistence allowance 低保.";
     61 Student Bool "student" "Whether the person is a student.";
     62 Insured Bool "insured" "Whether the person has basic medical insurance.";
     63 Died Text "died" "Date of death, `YYYY-MM-DD`.";
     64 AccountKind Text "account_kind" "`yikatong` or `bank`.";
     65 Holder Blob "holder" "Person token of an account's holder, 16 bytes.";
     66 GuardianReason Text "guardian_reason" "Why somebody outside the household holds the account.";
     67 Primary Bool "primary" "Whether it is the household's primary account.";
     70 Planned Fen "planned" "Planned cost of a project, in fen.";
     71 Operator Blob "operator" "Token of a project's operator, 16 bytes.";
     72 ProcurementRef Text "procurement_ref" "Reference of tender or purchase, 0-64 characters.";
     73 Shares Shares "shares" "Share register of a project.";
     74 State Text "state" "141: `accepted`.";
     75 Bank Blob "bank" "Token of the bank of a loan, 16 bytes.";
     76 Principal Fen "principal" "Principal of a loan, in fen, at most 5,000,000.";
     77 Months Uint32 "months" "Term of a loan in months, 1-36.";
     78 RateBp Uint32 "rate_bp" "Yearly rate of a loan in basis points, 0-2,400.";
     79 Start Text "start" "Start of a loan, `YYYY-MM-DD`.";
     90 Version Uint32 "version" "Version of a rule under its key: 1, 2, 3 and so on.";
     91 EffectiveFrom Text "effective_from" "First day of a rule version, `YYYY-MM-DD`. Empty: the voucher's effective date.";
     92 EffectiveTo Text "effective_to" "Last day of a rule version, `YYYY-MM-DD`. Empty: until the next one.";
     93 Scheme Text "scheme" "201: name of the share scheme.";
     94 HomeCode Text "home_code" "201: home city, unit code, or `*`.";
     95 Weights Uint32List "weights" "201: weights of the sources, in the order P, H, L.";
     96 HelperShareBorneBy Text "helper_share_borne_by" "201: `paired_helper` or `home_city`.";
     97 Helper Text "helper" "202: helping city, unit code.";
     98 Home Text "home" "202: home city, unit code.";
     99 Mode Text "mode" "202: `paired` or `self`.";
    100 Rows Rows "rows" "203, 204, 208: rows of the rule's data file, all of them.";
    101 Flag Text "flag" "207: id of the red flag, `F01` to `F29`.";
    102 Params Params "params" "207: all parameters of the flag.";
    103 Heads Uint64 "heads" "209: declared heads of the home city.";
    104 AsOf Text "as_of" "209: day for which they are declared, `YYYY-MM-DD`.";
    105 Counties Counties "counties" "209: declared heads by county.";
    106 PerHeadFen Int64 "per_head_fen" "205: fen for each declared head.";
    107 PoolCap Text "pool_cap" "205: `hard`.";
    108 HouseholdLine Text "household_line" "205: `flag` or `hard`.";
    109 Programmes TextList "programmes" "205: programmes that count against the ceiling.";
    110 HeadBasis Text "head_basis" "205: `declared`.";
    111 DriftBasis Text "drift_basis" "205: `labour`, `able` or `all`.";
    112 Years Uint32List "years" "205: years in which tranches may be opened.";
    113 ThresholdFen Int64 "threshold_fen" "206: total of a voucher, in fen, from which approval is needed.";
    114 Always TextList "always" "206: names of the kinds that always need approval.";
    115 SelfApproval Text "self_approval" "206: `never`.";
    116 BackdateDays Uint32 "backdate_days" "210: days that a money date may lie before the posting date.";
    117 FutureDays Uint32 "future_days" "210: days that a date may lie after the posting date.";
    118 RegistryBackdateDays Uint32 "registry_backdate_days" "210: days that a registry date may lie before the posting date.";
    119 PeriodUnit Text "period" "210: `month`. Its name in the content text is `period`.";
    130 Alert Blob "alert" "401: alert that is adopted, 16 bytes.";
    131 Text Text "text" "Text of a finding or explanation.";
    132 Severity Uint32 "severity" "401: severity, 1-3.";
    133 Evidence Uint64List "evidence" "Positions of the records that bear it out.";
    134 Finding Blob "finding" "Finding id, 16 bytes.";
    135 Outcome Text "outcome" "404: `unfounded`, `corrected`, `recovered`, `sanctioned` or `transferred`.";
    136 Recovered Fen "recovered" "404: what was recovered, in fen.";
    140 Organisation Text "organisation" "Organisation id, e.g. `FB441424`.";
    141 OrgKind Text "org_kind" "500: `FB`, `PO`, `TG`, `VC`, `HU`, `DI`, `AU` or `OP`.";
    142 Official Text "official" "Official id.";
    143 Role Text "role" "Name of a role.";
    144 Scope TextList "scope" "501: unit codes; what they are a prefix of is in scope.";
    145 Person Blob "person" "501: person token of the official, 16 bytes.";
    146 PublicKey Blob "public_key" "503: Ed25519 public key, 32 bytes.";
    147 KeyHash Blob "key_hash" "504, 505: hash of the connection's public key, 32 bytes.";
    148 NotAfter Text "not_after" "504: last day on which it is accepted, `YYYY-MM-DD`.";
    149 Token Blob "token" "510-512: person token, 16 bytes.";
    150 Authority Text "authority" "510-512: authority and case number in words, 10-500 characters.";
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    /// Type and label of a proto field, as this table spells them.
    fn shape_of(field: &Descriptor) -> Shape {
        use Shape::*;
        match (field.repeated, field.kind, field.message.as_str()) {
            (false, 9, _) => Text,
            (false, 12, _) => Blob,
            (false, 13, _) => Uint32,
            (false, 4, _) => Uint64,
            (false, 8, _) => Bool,
            (false, 3, _) => {
                if Field::of_name(field.name.trim_end_matches("_fen")).is_some() {
                    Fen
                } else {
                    Int64
                }
            }
            (true, 9, _) => TextList,
            (true, 13, _) => Uint32List,
            (true, 4, _) => Uint64List,
            (false, 11, "Member") => Member,
            (true, 11, "Member") => Members,
            (true, 11, "Share") => Shares,
            (true, 11, "Row") => Rows,
            (true, 11, "Param") => Params,
            (true, 11, "CountyHeads") => Counties,
            other => panic!("{}: no shape for {other:?}", field.name),
        }
    }

    /// The four facts of a field descriptor that count here.
    #[derive(Debug)]
    struct Descriptor {
        name: String,
        number: u32,
        repeated: bool,
        kind: i32,
        message: String,
    }

    fn descriptors(message: &str) -> Vec<Descriptor> {
        let set = prost_types::FileDescriptorSet::decode(proto::FILE_DESCRIPTOR_SET).unwrap();
        let mut found = set
            .file
            .iter()
            .filter(|f| f.package() == "mingzhang.v1")
            .flat_map(|f| &f.message_type)
            .filter(|m| m.name() == message);
        let message = found.next().unwrap();
        message
            .field
            .iter()
            .map(|f| Descriptor {
                name: f.name().to_owned(),
                number: u32::try_from(f.number()).unwrap(),
                repeated: f.label.unwrap() == 3,
                kind: f.r#type.unwrap(),
                message: f.type_name().rsplit('.').next().unwrap().to_owned(),
            })
            .collect()
    }

    #[test]
    fn the_table_is_the_published_descriptor() {
        let published = descriptors("Line");
        assert_eq!(published.len(), Field::ALL.len() + 2, "all but line_no and kind");
        for d in published.iter().skip(2) {
            let field = Field::of_number(d.number).unwrap();
            let name = match field {
                Field::PeriodUnit => "period_unit".to_owned(),
                f if f.shape() == Shape::Fen => format!("{}_fen", f.name()),
                f => f.name().to_owned(),
            };
            assert_eq!((name, field.shape()), (d.name.clone(), shape_of(d)));
            assert_eq!(u32::from(field.number()), d.number);
            assert!(field.number() <= Field::NUMBER_MAX);
        }
    }

    #[test]
    fn members_are_the_published_descriptors() {
        for (message, shape) in [
            ("Member", Shape::Members),
            ("Share", Shape::Shares),
            ("Param", Shape::Params),
            ("CountyHeads", Shape::Counties),
        ] {
            let published = descriptors(message);
            assert_eq!(published.len(), shape.members().len(), "{message}");
            for (i, (d, (name, member))) in published.iter().zip(shape.members()).enumerate() {
                assert_eq!(usize::try_from(d.number).unwrap(), i + 1, "{message}.{name}");
                assert_eq!((d.name.as_str(), shape_of(d)), (*name, *member), "{message}");
            }
        }
    }
}
