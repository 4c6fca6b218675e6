//! One past each limit, in the order of the codes.
