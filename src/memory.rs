//! What the operating system says about this process.
//!
//! Lives here: its memory. Lives elsewhere: clocks and files (`journal`).

/// Returns the resident memory of this process, bytes; 0 where the system does not say.
pub fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib: Option<u64> = line.trim().split(' ').next().and_then(|n| n.parse().ok());
    kib.unwrap_or(0).saturating_mul(1_024)
}
