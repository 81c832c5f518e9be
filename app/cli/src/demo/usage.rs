//! What this process has taken of the machine, where the system tells.

use std::time::Duration;

/// Ticks a second in which Linux counts processor time for programs, on every processor there is a
/// build for.
const TICKS: u64 = 100;

/// The most memory that was resident at once, in bytes.
pub(super) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1 << 10)
}

/// The processor time of all its threads so far, in the program and in the kernel for it.
pub(super) fn processor_time() -> Option<Duration> {
    ticks(&std::fs::read_to_string("/proc/self/stat").ok()?)
        .map(|ticks| Duration::from_millis(ticks.saturating_mul(1_000 / TICKS)))
}

/// The sum of `utime` and `stime`, the 14th and 15th field of proc's `stat`. The second is the
/// program's name in brackets, in which anything may stand.
fn ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    next()?.checked_add(next()?)
}

#[cfg(test)]
mod tests {
    use super::ticks;

    #[test]
    fn processor_time_is_that_of_the_program_and_of_the_kernel() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 100 0 0 0 250 31 9 9 20 0 4 0 77 1 2";
        assert_eq!(ticks(stat), Some(281));
        assert_eq!(ticks("7 (cut) S 1 7"), None);
    }
}
