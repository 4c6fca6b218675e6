//! Registry events from lines of a voucher, and back to them.
//!
//! Reading gives `None` only for a line that did not pass the form checks.

use super::{
    AccountBound, AccountReleased, AreaAmended, AreaClosed, AreaRegistered, Causes,
    HouseholdAmended, HouseholdDissolved, HouseholdExited, HouseholdMoved, HouseholdRegistered,
    HouseholdReinstated, HouseholdRemoved, HouseholdReturned, HouseholdSplit, HouseholdsMerged,
    Marks, MemberAdded, MemberAmended, MemberDied, MemberLeft, MemberMoved, Person, VillageExited,
};
use crate::field::Field;
use crate::ids::{Date, HouseholdCode, OrgId, Unit};
use crate::reject::AreaCode;
use crate::voucher::{LineRef, Struct, Value, VoucherBuilder};
use crate::words::{Ability, AccountKind, AddedReason, Class, DissolvedReason, LeftReason, Sex};

fn area(line: LineRef<'_>, field: Field) -> Option<Unit> {
    Unit::parse_area(line.text(field))
}

fn household(line: LineRef<'_>, field: Field) -> Option<HouseholdCode> {
    HouseholdCode::parse(line.text(field)).ok()
}

fn small<T: TryFrom<i64>>(number: Option<i64>) -> Option<T> {
    T::try_from(number?).ok()
}

/// A field that may be absent: absent is `Some(None)`, malformed is `None`.
#[expect(clippy::option_option, reason = "the outer one is what `?` ends on")]
fn maybe<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { parse(text).map(Some) }
}

fn causes(line: LineRef<'_>) -> Option<Causes> {
    Causes::of(line.list(Field::Causes).iter().map(Value::text))
}

fn put_area(out: &mut VoucherBuilder, field: Field, unit: Unit) {
    out.text(field, &AreaCode(unit).to_string());
}

fn put_household(out: &mut VoucherBuilder, field: Field, code: HouseholdCode) {
    out.text(field, &code.to_string());
}

fn put_bool(out: &mut VoucherBuilder, field: Field, value: Option<bool>) {
    if let Some(value) = value {
        out.bool(field, value);
    }
}

fn put_causes(out: &mut VoucherBuilder, causes: Causes) {
    for cause in causes.iter() {
        out.push_text(Field::Causes, cause.name());
    }
}

fn put_org(out: &mut VoucherBuilder, org: Option<OrgId>) {
    out.text(Field::HelpingUnit, org.as_ref().map_or("", OrgId::as_str));
}

impl AreaRegistered {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        Some(Self {
            code: area(line, Field::Code)?,
            name_zh: line.text(Field::NameZh).to_owned(),
            parent: area(line, Field::Parent)?,
            poor: line.bool(Field::Poor),
            direct_county: line.bool(Field::DirectCounty),
        })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_area(out, Field::Code, self.code);
        out.text(Field::NameZh, &self.name_zh);
        put_area(out, Field::Parent, self.parent);
        put_bool(out, Field::Poor, self.poor);
        put_bool(out, Field::DirectCounty, self.direct_county);
    }
}

impl AreaAmended {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        Some(Self {
            code: area(line, Field::Code)?,
            name_zh: line.text(Field::NameZh).to_owned(),
            poor: line.bool(Field::Poor),
            direct_county: line.bool(Field::DirectCounty),
        })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_area(out, Field::Code, self.code);
        out.text(Field::NameZh, &self.name_zh);
        put_bool(out, Field::Poor, self.poor);
        put_bool(out, Field::DirectCounty, self.direct_county);
    }
}

impl AreaClosed {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        let successor = maybe(line.text(Field::Successor), Unit::parse_area)?;
        Some(Self { code: area(line, Field::Code)?, successor })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_area(out, Field::Code, self.code);
        if let Some(successor) = self.successor {
            put_area(out, Field::Successor, successor);
        }
    }
}

impl VillageExited {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        Some(Self { code: area(line, Field::Code)?, year: small(line.int(Field::Year))? })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_area(out, Field::Code, self.code);
        out.int(Field::Year, i64::from(self.year));
    }
}

impl Person {
    fn read(members: Struct<'_>) -> Option<Self> {
        Some(Self {
            no: small(members.int("no"))?,
            person: members.token("person")?,
            birth_year: small(members.int("birth_year"))?,
            sex: Sex::parse(members.text("sex"))?,
            marks: Marks {
                ability: Ability::parse(members.text("ability"))?,
                dibao: members.bool("dibao")?,
                student: members.bool("student")?,
                insured: members.bool("insured")?,
            },
        })
    }

    /// Writes the members of the structure begun last.
    fn write(&self, out: &mut VoucherBuilder) {
        out.member_int("no", i64::from(self.no))
            .member_token("person", self.person)
            .member_int("birth_year", i64::from(self.birth_year))
            .member_text("sex", self.sex.name())
            .member_text("ability", self.marks.ability.name())
            .member_bool("dibao", self.marks.dibao)
            .member_bool("student", self.marks.student)
            .member_bool("insured", self.marks.insured);
    }
}

impl HouseholdRegistered {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        let members = line.list(Field::Members);
        Some(Self {
            household: household(line, Field::Household)?,
            village: area(line, Field::Village)?,
            class: Class::parse(line.text(Field::Class))?,
            causes: causes(line)?,
            helping_unit: maybe(line.text(Field::HelpingUnit), OrgId::id)?,
            members: members.structures().map(Person::read).collect::<Option<_>>()?,
        })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::Household, self.household);
        put_area(out, Field::Village, self.village);
        out.text(Field::Class, self.class.name());
        put_causes(out, self.causes);
        put_org(out, self.helping_unit);
        for member in &self.members {
            member.write(out.begin_entry(Field::Members));
        }
    }
}

impl HouseholdAmended {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        Some(Self {
            household: household(line, Field::Household)?,
            class: maybe(line.text(Field::Class), Class::parse)?,
            causes: causes(line)?,
            helping_unit: maybe(line.text(Field::HelpingUnit), OrgId::id)?,
        })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::Household, self.household);
        out.text(Field::Class, self.class.map_or("", Class::name));
        put_causes(out, self.causes);
        put_org(out, self.helping_unit);
    }
}

impl HouseholdMoved {
    /// Reads household and new village of a line.
    pub fn read(line: LineRef<'_>) -> Option<(HouseholdCode, Unit)> {
        Some((household(line, Field::Household)?, area(line, Field::Village)?))
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::Household, self.household);
        put_area(out, Field::Village, self.village);
    }
}

impl HouseholdSplit {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        let numbers = line.list(Field::Members);
        Some(Self {
            household: household(line, Field::Household)?,
            new_household: household(line, Field::NewHousehold)?,
            members: numbers.structures().map(|s| small(s.int("no"))).collect::<Option<_>>()?,
        })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::Household, self.household);
        put_household(out, Field::NewHousehold, self.new_household);
        for no in &self.members {
            out.begin_entry(Field::Members).member_int("no", i64::from(*no));
        }
    }
}

impl HouseholdsMerged {
    /// Reads the household that goes on and the one that ends.
    pub fn read(line: LineRef<'_>) -> Option<(HouseholdCode, HouseholdCode)> {
        Some((household(line, Field::Into)?, household(line, Field::From)?))
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::Into, self.into);
        put_household(out, Field::From, self.from);
    }
}

impl HouseholdExited {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        let household = household(line, Field::Household)?;
        Some(Self { household, year: small(line.int(Field::Year))? })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::Household, self.household);
        out.int(Field::Year, i64::from(self.year));
    }
}

/// A household with a reason in words.
macro_rules! reasoned {
    ($($name:ident),*) => {
        $(impl $name {
            /// Reads a line.
            pub fn read(line: LineRef<'_>) -> Option<Self> {
                let household = household(line, Field::Household)?;
                Some(Self { household, reason: line.text(Field::Reason).to_owned() })
            }

            pub(super) fn write(&self, out: &mut VoucherBuilder) {
                put_household(out, Field::Household, self.household);
                out.text(Field::Reason, &self.reason);
            }
        })*
    };
}
reasoned! { HouseholdReturned, HouseholdRemoved, HouseholdReinstated }

impl HouseholdDissolved {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        let household = household(line, Field::Household)?;
        Some(Self { household, reason: DissolvedReason::parse(line.text(Field::Reason))? })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::Household, self.household);
        out.text(Field::Reason, self.reason.name());
    }
}

impl MemberAdded {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        Some(Self {
            household: household(line, Field::Household)?,
            member: Person::read(line.structure(Field::Member)?)?,
            reason: AddedReason::parse(line.text(Field::Reason))?,
        })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::Household, self.household);
        self.member.write(out.begin_struct(Field::Member));
        out.text(Field::Reason, self.reason.name());
    }
}

impl MemberAmended {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        Some(Self {
            household: household(line, Field::Household)?,
            no: small(line.int(Field::No))?,
            ability: maybe(line.text(Field::Ability), Ability::parse)?,
            dibao: line.bool(Field::Dibao),
            student: line.bool(Field::Student),
            insured: line.bool(Field::Insured),
        })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::Household, self.household);
        out.int(Field::No, i64::from(self.no));
        out.text(Field::Ability, self.ability.map_or("", Ability::name));
        put_bool(out, Field::Dibao, self.dibao);
        put_bool(out, Field::Student, self.student);
        put_bool(out, Field::Insured, self.insured);
    }
}

impl MemberLeft {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        Some(Self {
            household: household(line, Field::Household)?,
            no: small(line.int(Field::No))?,
            reason: LeftReason::parse(line.text(Field::Reason))?,
        })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::Household, self.household);
        out.int(Field::No, i64::from(self.no)).text(Field::Reason, self.reason.name());
    }
}

impl MemberDied {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        Some(Self {
            household: household(line, Field::Household)?,
            no: small(line.int(Field::No))?,
            died: Date::parse(line.text(Field::Died))?,
        })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::Household, self.household);
        out.int(Field::No, i64::from(self.no)).text(Field::Died, &self.died.to_string());
    }
}

impl MemberMoved {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        Some(Self {
            from: household(line, Field::From)?,
            no: small(line.int(Field::No))?,
            to: household(line, Field::To)?,
            new_no: small(line.int(Field::NewNo))?,
        })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::From, self.from);
        out.int(Field::No, i64::from(self.no));
        put_household(out, Field::To, self.to);
        out.int(Field::NewNo, i64::from(self.new_no));
    }
}

impl AccountBound {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        Some(Self {
            household: household(line, Field::Household)?,
            account: line.token(Field::Account)?,
            account_kind: AccountKind::parse(line.text(Field::AccountKind))?,
            holder: line.token(Field::Holder)?,
            guardian_reason: line.text(Field::GuardianReason).to_owned(),
            primary: line.bool(Field::Primary)?,
        })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::Household, self.household);
        out.token(Field::Account, self.account)
            .text(Field::AccountKind, self.account_kind.name())
            .token(Field::Holder, self.holder)
            .text(Field::GuardianReason, &self.guardian_reason)
            .bool(Field::Primary, self.primary);
    }
}

impl AccountReleased {
    /// Reads a line.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        let household = household(line, Field::Household)?;
        Some(Self { household, account: line.token(Field::Account)? })
    }

    pub(super) fn write(&self, out: &mut VoucherBuilder) {
        put_household(out, Field::Household, self.household);
        out.token(Field::Account, self.account);
    }
}
