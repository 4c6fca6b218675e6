//! Access events as messages.

use super::unwritten;

unwritten! { access: OrganisationRegistered, RoleGranted, RoleRevoked, OfficialKeyRegistered }
