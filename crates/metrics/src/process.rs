//! What the process itself takes, as Prometheus' own libraries tell it.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a process takes. `None` for what this system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Process {
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) virtual_bytes: Option<u64>,
    pub(crate) open_files: Option<u64>,
    pub(crate) open_files_max: Option<u64>,
}

impl Process {
    pub(crate) fn look() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let files = fs::read_dir("/proc/self/fd").ok();
        Self {
            resident_bytes: bytes(&status, "VmRSS:"),
            virtual_bytes: bytes(&status, "VmSize:"),
            // The look itself has one open.
            open_files: files.map(|files| (files.count() as u64).saturating_sub(1)),
            open_files_max: rlimit::Resource::NOFILE.get_soft().ok(),
        }
    }
}

/// The figure behind a name, which is in KiB.
fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Seconds since 1970.
pub(crate) fn timestamp(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_in_bytes() {
        let status = "Name:\ttrunkline\nVmSize:\t  204 kB\nVmRSS:\t     20 kB\n";
        assert_eq!((bytes(status, "VmRSS:"), bytes(status, "VmSize:")), (Some(20_480), Some(208_896)));
        assert_eq!((bytes(status, "VmSwap:"), bytes("VmRSS: x kB", "VmRSS:")), (None, None));
    }
}
