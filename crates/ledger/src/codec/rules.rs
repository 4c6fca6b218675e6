//! Rule events as messages.

use super::unwritten;

unwritten! { rules:
    SchemeAdopted, PairingAdopted, PurposesAdopted, FlowsAdopted, CapRuleAdopted,
    ApprovalRuleAdopted, FlagParametersAdopted, AreasAdopted, BaselineSet, PeriodRuleAdopted,
}
