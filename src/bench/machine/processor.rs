//! The instructions of the processor, and whether it is a virtual one.

use std::path::Path;

/// The instructions that matter to matrix products, under the names of the Linux kernel.
pub(super) fn flags() -> Vec<String> {
    let mut flags: Vec<&str> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("avx", std::is_x86_feature_detected!("avx")),
            ("avx2", std::is_x86_feature_detected!("avx2")),
            ("fma", std::is_x86_feature_detected!("fma")),
            ("f16c", std::is_x86_feature_detected!("f16c")),
            ("avx_vnni", std::is_x86_feature_detected!("avxvnni")),
            ("avx512f", std::is_x86_feature_detected!("avx512f")),
            ("avx512_vnni", std::is_x86_feature_detected!("avx512vnni")),
            ("avx512_bf16", std::is_x86_feature_detected!("avx512bf16")),
            ("avx512_fp16", std::is_x86_feature_detected!("avx512fp16")),
        ];
        flags.extend(known.iter().filter(|(_, there)| *there).map(|(name, _)| name));
    }
    #[cfg(target_arch = "aarch64")]
    {
        let known = [
            ("asimdhp", std::arch::is_aarch64_feature_detected!("fp16")),
            ("asimddp", std::arch::is_aarch64_feature_detected!("dotprod")),
            ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
            ("bf16", std::arch::is_aarch64_feature_detected!("bf16")),
            ("sve", std::arch::is_aarch64_feature_detected!("sve")),
            ("sve2", std::arch::is_aarch64_feature_detected!("sve2")),
        ];
        flags.extend(known.iter().filter(|(_, there)| *there).map(|(name, _)| name));
    }
    let mut flags: Vec<String> = flags.into_iter().map(str::to_owned).collect();
    // The standard library does not detect these yet.
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    flags.extend(listed(&cpuinfo, &["amx_tile", "amx_int8", "amx_bf16", "amx_fp16"]));
    flags
}

/// The `names` that the first processor of `/proc/cpuinfo` has.
fn listed(cpuinfo: &str, names: &[&str]) -> Vec<String> {
    let line = cpuinfo.lines().find_map(|line| line.strip_prefix("flags")).unwrap_or_default();
    let flags: Vec<&str> = line.split_ascii_whitespace().collect();
    names.iter().filter(|name| flags.contains(name)).map(|&name| name.to_owned()).collect()
}

/// True in a virtual machine; `None` if unknown. `root` stands for `/`.
pub(super) fn is_virtual(root: &Path) -> Option<bool> {
    let read = |name: &str| std::fs::read_to_string(root.join("sys/class/dmi/id").join(name)).unwrap_or_default();
    hypervisor().or_else(|| is_virtual_hardware(&read("sys_vendor"), &read("product_name")))
}

/// Bit 31 of ECX of CPUID's leaf 1, which hypervisors set and processors never do.
#[cfg(target_arch = "x86_64")]
fn hypervisor() -> Option<bool> {
    // SAFETY: every processor of this architecture has the instruction and its leaf 1.
    #[allow(unused_unsafe, reason = "newer compilers know that it is safe")]
    let set = unsafe { std::arch::x86_64::__cpuid(1) }.ecx >> 31 & 1 == 1;
    // Windows itself runs on its own hypervisor on many real machines.
    if set && cfg!(windows) { None } else { Some(set) }
}

#[cfg(not(target_arch = "x86_64"))]
fn hypervisor() -> Option<bool> {
    None
}

/// The names of the machine in the firmware, as set by the makers of virtual ones (as systemd's `detect_vm_dmi`).
fn is_virtual_hardware(vendor: &str, product: &str) -> Option<bool> {
    let (vendor, product) = (vendor.trim(), product.trim());
    match vendor {
        // The same vendor has machines without a hypervisor: c7g.metal.
        "Amazon EC2" => Some(!product.contains(".metal")),
        "Microsoft Corporation" => (product == "Virtual Machine").then_some(true),
        "Google" => (product == "Google Compute Engine").then_some(true),
        "QEMU"
        | "KVM"
        | "Xen"
        | "VMware, Inc."
        | "innotek GmbH"
        | "Parallels"
        | "Bochs"
        | "BHYVE"
        | "OpenStack Foundation" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_whole_words_of_the_flags_line() {
        let cpuinfo =
            "processor\t: 0\nmodel name\t: amx_int8\nflags\t\t: fpu amx_tile amx_int8x avx2\n\nprocessor\t: 1\n";
        assert_eq!(listed(cpuinfo, &["amx_tile", "amx_int8", "avx2"]), ["amx_tile", "avx2"]);
        assert!(listed("", &["amx_tile"]).is_empty());
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn the_kernel_knows_the_flags_too() {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let flags = flags();
        let names: Vec<&str> = flags.iter().map(String::as_str).collect();
        assert_eq!(listed(&cpuinfo, &names), flags);
        assert_eq!(hypervisor(), Some(!listed(&cpuinfo, &["hypervisor"]).is_empty()));
    }

    #[test]
    fn virtual_hardware_by_its_names() {
        assert_eq!(is_virtual_hardware("QEMU\n", "Standard PC\n"), Some(true));
        assert_eq!(is_virtual_hardware("Amazon EC2", "c7g.metal"), Some(false));
        assert_eq!(is_virtual_hardware("Amazon EC2", "c7g.large"), Some(true));
        assert_eq!(is_virtual_hardware("Microsoft Corporation", "Surface Pro"), None);
        assert_eq!(is_virtual_hardware("", ""), None);
    }
}
