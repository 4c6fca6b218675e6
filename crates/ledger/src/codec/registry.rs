//! Registry events as messages.

use super::unwritten;

unwritten! { registry:
    AreaRegistered, AreaAmended, AreaClosed, VillageExited, HouseholdRegistered, HouseholdAmended,
    HouseholdMoved, HouseholdSplit, HouseholdsMerged, HouseholdExited, HouseholdReturned,
    HouseholdRemoved, HouseholdReinstated, HouseholdDissolved, MemberAdded, MemberAmended,
    MemberLeft, MemberDied, MemberMoved, AccountBound, AccountReleased,
}
