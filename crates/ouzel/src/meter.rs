//! What this process has used of the machine.

use rustix::time::{ClockId, clock_gettime};
use std::fs;

/// Processor time so far, of all threads, in seconds.
pub fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The most memory that was resident at once, in bytes; `None` where the system does not tell (it is Linux that does).
pub fn peak_rss_bytes() -> Option<u64> {
    high_water(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Finds `VmHWM:     12345 kB`, where a kB is 1024 bytes.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_found() {
        assert_eq!(high_water("Name:\touzel\nVmPeak:\t  9000 kB\nVmHWM:\t     1234 kB\n"), Some(1_263_616));
        assert_eq!(high_water("Name:\touzel\n"), None);
    }

    #[test]
    fn work_costs_processor_time() {
        let before = cpu_seconds();
        let mut sum = 0u64;
        while cpu_seconds() <= before {
            sum = std::hint::black_box(sum + 1);
        }
    }
}
