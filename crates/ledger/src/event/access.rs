//! Access events: organisations, roles, keys.

use super::unwritten;

unwritten! { OrganisationRegistered, RoleGranted, RoleRevoked, OfficialKeyRegistered }
