//! What is known of a household and its members when they are first registered.
//!
//! Always: drawn from the streams of the household and of the member, so it can be asked at any time
//! and is kept nowhere.

use crate::plan::Plan;
use crate::rng::Entity;
use crate::voucher::{SimLine, Value};

/// How a household stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    General,
    Dibao,
    Wubao,
}

impl Class {
    const fn name(self) -> &'static str {
        match self {
            Class::General => "general",
            Class::Dibao => "dibao",
            Class::Wubao => "wubao",
        }
    }
}

/// What the register says of a household.
pub(crate) struct HouseholdFacts {
    pub(crate) class: Class,
    pub(crate) causes: Vec<&'static str>,
    /// The year in which it leaves poverty.
    pub(crate) target_year: u32,
    /// Whether it leaves in the middle of the year before.
    pub(crate) early: bool,
}

/// What the register says of a member.
pub(crate) struct MemberFacts {
    pub(crate) birth_year: u32,
    pub(crate) female: bool,
    pub(crate) ability: &'static str,
    pub(crate) student: bool,
    pub(crate) insured: bool,
}

const CLASS_WEIGHTS: [u64; 3] = [52, 40, 8];
/// People out of poverty by the end of 2016, 2017, 2018. Source: 粤发〔2016〕13号 §3.
const TARGET_WEIGHTS: [u64; 3] = [500, 600, 665];
/// 3 % of all households; only those with a target after 2016 can be early: 3 % ÷ (1265 ÷ 1765).
const EARLY_OF_10000: u64 = 419;
const CAUSES: [&str; 9] = [
    "illness",
    "disability",
    "schooling",
    "disaster",
    "no_land",
    "no_skill",
    "no_labour",
    "no_funds",
    "other",
];
const CAUSE_WEIGHTS: [u64; 9] = [30, 16, 8, 3, 5, 12, 14, 10, 2];
/// Members unable to work, in percent: 8 % of households at 80 and the others at 15 make 20.
const UNABLE_WUBAO: u64 = 80;
const UNABLE_OTHERS: u64 = 15;

impl Plan {
    pub(crate) fn household_facts(&self, household: u32) -> HouseholdFacts {
        let mut draw = self.root.stream(Entity::Household, u64::from(household));
        let class = [Class::General, Class::Dibao, Class::Wubao][draw.weighted(&CLASS_WEIGHTS)];
        let target = draw.weighted(&TARGET_WEIGHTS);
        let early = draw.chance(EARLY_OF_10000, 10_000) && 0 < target;
        let mut causes = Vec::with_capacity(3);
        for _ in 0..=draw.weighted(&[60, 30, 10]) {
            let cause = CAUSES[draw.weighted(&CAUSE_WEIGHTS)];
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        HouseholdFacts { class, causes, target_year: 2016 + target as u32, early }
    }

    /// The facts of member `no`, from 1, of a household of the first register.
    pub(crate) fn member_facts(&self, household: u32, no: u8, class: Class) -> MemberFacts {
        let index = u64::from(household) * 32 + u64::from(no);
        let mut draw = self.root.stream(Entity::Member, index);
        let unable = if class == Class::Wubao { UNABLE_WUBAO } else { UNABLE_OTHERS };
        // The first two members are grown up, so that there is always somebody to hold an account.
        let (ability, from, to) = match (draw.chance(unable, 100), no <= 2) {
            (false, _) => (["full", "partial"][draw.weighted(&[8, 2])], 1957, 1999),
            (true, true) => [("elder", 1928, 1955), ("none", 1957, 1995)][draw.weighted(&[6, 4])],
            (true, false) => [("minor", 2001, 2015), ("elder", 1928, 1955), ("none", 1957, 1995)]
                [draw.weighted(&[7, 2, 1])],
        };
        let birth_year = draw.between(from, to) as u32;
        let schooling = draw.chance(3, 10);
        MemberFacts {
            birth_year,
            female: draw.chance(49, 100),
            ability,
            student: (2001..=2010).contains(&birth_year)
                || (1996 <= birth_year && schooling && birth_year <= 1999),
            insured: draw.chance(95, 100),
        }
    }

    /// The line that registers a household with all its members.
    pub(crate) fn registration(&self, household: u32, village: u32) -> SimLine {
        let facts = self.household_facts(household);
        let first = u64::from(self.first_person(household));
        let members = (1..=self.size(household)).map(|no| {
            let member = self.member_facts(household, no, facts.class);
            self.member_value(no, first + u64::from(no) - 1, &member, facts.class)
        });
        let members = members.collect();
        let village = &self.villages()[village as usize];
        let serial = household - village.households.start + 1;
        let code = crate::HouseholdCode::new(village.unit, serial);
        let causes = facts.causes.into_iter().map(Value::Word).collect();
        SimLine::new(
            "HouseholdRegistered",
            vec![
                ("household", Value::Household(code)),
                ("village", Value::Unit(village.unit)),
                ("class", Value::Word(facts.class.name())),
                ("causes", Value::List(causes)),
                ("members", Value::List(members)),
            ],
        )
    }

    pub(crate) fn member_value(
        &self,
        no: u8,
        person: u64,
        member: &MemberFacts,
        class: Class,
    ) -> Value {
        Value::Object(vec![
            ("no", Value::Number(u64::from(no))),
            ("person", Value::Token(self.tokens.person(person))),
            ("birth_year", Value::Number(u64::from(member.birth_year))),
            ("sex", Value::Word(if member.female { "f" } else { "m" })),
            ("ability", Value::Word(member.ability)),
            ("dibao", Value::Flag(class == Class::Dibao)),
            ("student", Value::Flag(member.student)),
            ("insured", Value::Flag(member.insured)),
        ])
    }

    /// The line that binds a household's first account, whose holder is its first member.
    pub(crate) fn first_account(&self, household: u32, village: u32) -> SimLine {
        let village = &self.villages()[village as usize];
        let code =
            crate::HouseholdCode::new(village.unit, household - village.households.start + 1);
        account_bound(
            code,
            self.tokens.account(u64::from(household)),
            self.tokens.person(u64::from(self.first_person(household))),
        )
    }
}

/// The line that binds a one-card account.
pub(crate) fn account_bound(
    household: crate::HouseholdCode,
    account: crate::Token,
    holder: crate::Token,
) -> SimLine {
    SimLine::new(
        "AccountBound",
        vec![
            ("household", Value::Household(household)),
            ("account", Value::Token(account)),
            ("account_kind", Value::Word("yikatong")),
            ("holder", Value::Token(holder)),
            ("primary", Value::Flag(true)),
        ],
    )
}

#[cfg(test)]
mod tests {
    use crate::{Plan, Profile};

    #[test]
    fn shares_of_classes_and_of_people_unable_to_work() {
        let plan = Plan::new(Profile::M, 20_160_604);
        let (mut dibao, mut early, mut unable) = (0, 0, 0);
        for h in 0..plan.households() {
            let facts = plan.household_facts(h);
            dibao += u32::from(facts.class == super::Class::Dibao);
            early += u32::from(facts.early);
            for no in 1..=plan.size(h) {
                let ability = plan.member_facts(h, no, facts.class).ability;
                unable += u32::from(!matches!(ability, "full" | "partial"));
            }
        }
        assert_eq!((dibao * 100 + 10_000) / 20_000, 40);
        assert_eq!((early * 100 + 10_000) / 20_000, 3);
        assert_eq!((unable * 100 + 25_000) / plan.people(), 20);
    }
}
