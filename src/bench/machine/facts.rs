use std::path::Path;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, System};

use super::{cgroup, gpus, processor};
use crate::bench::report::Machine;
use crate::runtime::{Runtime, cores};

/// The facts that the system reports; `gemm_gflops` is measured elsewhere.
pub fn facts() -> Machine {
    let root = Path::new("/");
    let mut system = System::new();
    system.refresh_cpu_list(CpuRefreshKind::nothing());
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let memory = system.total_memory();
    let load = System::load_average();
    let cores_allowed = cores::usable();
    Machine {
        system: name(System::long_os_version(), System::kernel_version()),
        architecture: std::env::consts::ARCH.to_owned(),
        cpu: system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).filter(|name| !name.is_empty()),
        cpu_flags: processor::flags(),
        cores_allowed,
        cores: cores::online().unwrap_or(system.cpus().len()).max(cores_allowed),
        memory_bytes: cgroup::memory_limit(root).map_or(memory, |limit| limit.min(memory)),
        virtual_machine: processor::is_virtual(root),
        // Windows has no load average, and reports zeros.
        load_average: cfg!(unix).then_some([load.one, load.five, load.fifteen]),
        gemm_gflops: None,
        onnxruntime: Runtime::loaded().map(|runtime| runtime.version().to_owned()),
        gpus: gpus::facts(),
    }
}

/// The system with its version and that of its kernel, as far as they are known.
fn name(system: Option<String>, kernel: Option<String>) -> String {
    let system = system.filter(|name| !name.is_empty()).unwrap_or_else(|| std::env::consts::OS.to_owned());
    match kernel {
        Some(kernel) => format!("{system}, kernel {kernel}"),
        None => system,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_fit_together() {
        let facts = facts();
        assert!(!facts.system.is_empty() && !facts.architecture.is_empty(), "{facts:?}");
        assert!((1..=facts.cores).contains(&facts.cores_allowed), "{facts:?}");
        assert!(facts.memory_bytes > 100_000_000, "{facts:?}");
        assert_eq!(facts.load_average.is_some(), cfg!(unix));
        assert!(facts.cpu.is_none_or(|name| !name.is_empty()));
    }

    #[test]
    fn a_system_without_a_name_has_that_of_its_kind() {
        assert_eq!(name(Some("Linux (Debian 12)".into()), Some("6.1".into())), "Linux (Debian 12), kernel 6.1");
        assert_eq!(name(None, None), std::env::consts::OS);
    }
}
