//! Registry events: areas, households, members, accounts.

use super::unwritten;

unwritten! {
    AreaRegistered, AreaAmended, AreaClosed, VillageExited, HouseholdRegistered, HouseholdAmended,
    HouseholdMoved, HouseholdSplit, HouseholdsMerged, HouseholdExited, HouseholdReturned,
    HouseholdRemoved, HouseholdReinstated, HouseholdDissolved, MemberAdded, MemberAmended,
    MemberLeft, MemberDied, MemberMoved, AccountBound, AccountReleased,
}
