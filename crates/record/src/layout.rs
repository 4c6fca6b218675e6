//! Fixed fields of fixed heads: the one place that slices by offset.
//!
//! An offset and a width are const parameters, so a field that would reach past its head is a
//! compile error: the assertions below prove each range, and the slicing cannot fail. All numbers are little-endian.

/// Returns the `N` bytes at offset `AT` of a head.
#[expect(clippy::arithmetic_side_effects, reason = "asserted at compile time")]
pub(crate) fn field<const AT: usize, const N: usize, const HEAD: usize>(
    head: &[u8; HEAD],
) -> [u8; N] {
    const { assert!(AT + N <= HEAD) };
    let mut out = [0; N];
    out.copy_from_slice(&head[AT..AT + N]);
    out
}

/// Writes `N` bytes at offset `AT` of a head.
#[expect(clippy::arithmetic_side_effects, reason = "asserted at compile time")]
pub(crate) fn set<const AT: usize, const N: usize, const HEAD: usize>(
    head: &mut [u8; HEAD],
    value: [u8; N],
) {
    const { assert!(AT + N <= HEAD) };
    head[AT..AT + N].copy_from_slice(&value);
}

/// Returns the `u16` at `AT`.
pub(crate) fn get_u16<const AT: usize, const HEAD: usize>(head: &[u8; HEAD]) -> u16 {
    u16::from_le_bytes(field::<AT, 2, HEAD>(head))
}

/// Returns the `u32` at `AT`.
pub(crate) fn get_u32<const AT: usize, const HEAD: usize>(head: &[u8; HEAD]) -> u32 {
    u32::from_le_bytes(field::<AT, 4, HEAD>(head))
}

/// Returns the `u64` at `AT`.
pub(crate) fn get_u64<const AT: usize, const HEAD: usize>(head: &[u8; HEAD]) -> u64 {
    u64::from_le_bytes(field::<AT, 8, HEAD>(head))
}
