//! Rule events: each adopts a version.

use super::unwritten;

unwritten! {
    SchemeAdopted, PairingAdopted, PurposesAdopted, FlowsAdopted, CapRuleAdopted,
    ApprovalRuleAdopted, FlagParametersAdopted, AreasAdopted, BaselineSet, PeriodRuleAdopted,
}
