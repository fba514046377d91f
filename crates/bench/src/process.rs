//! What the kernel says of a process: the CPU time it has used, and the memory it holds.

use std::fs;
use std::io;
use std::time::Duration;

use crate::http1::invalid;

/// Ticks a second in /proc, which is 100 wherever Linux runs today.
const TICKS_A_SECOND: u64 = 100;

/// User and system time of all threads of a process, to the hundredth of a second.
pub(crate) fn cpu(pid: u32) -> io::Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    cpu_ticks(&text)
        .map(|ticks| Duration::from_millis(ticks * 1000 / TICKS_A_SECOND))
        .ok_or_else(|| invalid("/proc/…/stat was not understood"))
}

/// Resident memory of a process, in KiB.
pub(crate) fn rss_kib(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    status_kib(&text, "VmRSS:").ok_or_else(|| invalid("/proc/…/status was not understood"))
}

/// utime + stime, the 14th and 15th field. The second one is the program's name, in which anything may stand.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn status_kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The processors and the kernel, in one line, for the head of a report.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("an unknown processor");
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{cores} cores of {}, Linux {}", model.trim_start_matches(['\t', ' ', ':']), kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 250 17 0 0 20 0 3 0 1422580 3133440 359";
        assert_eq!(cpu_ticks(stat), Some(267));
        assert_eq!(cpu_ticks("42 cat"), None);
    }

    #[test]
    fn memory_is_found_by_its_name() {
        let status = "Name:\tx\nVmHWM:\t    9000 kB\nVmRSS:\t    8123 kB\n";
        assert_eq!(status_kib(status, "VmRSS:"), Some(8123));
        assert_eq!(status_kib(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_has_both() {
        assert!(cpu(std::process::id()).is_ok());
        assert!(rss_kib(std::process::id()).expect("it runs") > 100);
    }
}
