//! Devices, drivers and libraries of GPUs, with stand-ins for NVIDIA's libraries: no GPU is needed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::gpu_stubs::{self, CUDA, DRIVER};
use crate::run::{Infa, embed, infa};
use crate::support::{copy as support_copy, fixture, library};

/// The program with a driver that reports GPUs of these capabilities.
fn with_gpus(infa: Infa, nvml: &Path, driver: &str, capabilities: &str) -> Infa {
    let infa = infa.env("LD_LIBRARY_PATH", nvml).env("STUB_DRIVER", driver).env("STUB_GPUS", capabilities);
    // No Python environment, which may have the libraries of CUDA.
    infa.without("CUDA_VISIBLE_DEVICES").env("PATH", "/nonexistent")
}

const NEW: &str = "580.95.05";

#[test]
fn gpus_that_cannot_be_used_are_refused_with_the_next_step() {
    let Some(nvml) = gpu_stubs::nvml() else { return };
    for (device, driver, capabilities, words) in [
        ("cuda:2", NEW, "8.9,8.9", ["there is no GPU 2", "infa doctor"]),
        ("cuda:0,1", NEW, "8.9", ["there is no GPU 1: the only one is GPU 0", "hint: "]),
        ("cuda", "535.183.01", "8.9", ["535.183.01 is too old", "onnxruntime-gpu 1.26"]),
        ("cuda", NEW, "7.0", ["NVIDIA Stub 1) has compute capability 7.0", "7.5, 8.0"]),
        ("tensorrt", NEW, "10.0", ["capability 10.0", "--device cpu"]),
        ("cuda:all", NEW, "7.0,10.3", ["capability 7.0", "--ort-library"]),
        ("cuda", NEW, "", ["reports no GPU", "--gpus all"]),
    ] {
        let infa = with_gpus(embed(["--device", device]), nvml, driver, capabilities).without("ORT_DYLIB_PATH");
        let (first, second) = (words[0], words[1]);
        infa.run().refuses(2, &[&format!("--device {device}: "), first, second]);
    }
    let hidden = with_gpus(embed(["--device", "cuda"]), nvml, NEW, "8.9,9.0").env("CUDA_VISIBLE_DEVICES", "");
    hidden.run().refuses(2, &["CUDA_VISIBLE_DEVICES hides all GPUs (2)", "unset"]);
    // The second GPU is the first that CUDA sees.
    let second = with_gpus(embed(["--device", "cuda"]), nvml, NEW, "9.0,7.0").env("CUDA_VISIBLE_DEVICES", "1");
    second.run().refuses(2, &["NVIDIA Stub 2) has compute capability 7.0"]);
    let none = embed(["--device", "cuda"]).env("LD_LIBRARY_PATH", nvml).without("STUB_DRIVER");
    none.run().refuses(2, &["no working NVIDIA driver", "kernel module is not loaded", "580"]);
}

#[test]
fn what_gpus_do_not_compute_is_refused() {
    let Some(nvml) = gpu_stubs::nvml() else { return };
    for (flags, words) in [
        (["--dtype", "int8"], ["--dtype int8", "CPU alone"]),
        (["--kernels", "avx2"], ["--kernels avx2", "those of the CPU"]),
        (["--cuda-libraries", "/nonexistent/cuda"], ["--cuda-libraries", "not a directory"]),
        (["--gpu-memory", "much"], ["--gpu-memory", "much"]),
        (["--gpu-memory", "0"], ["--gpu-memory", "at least 64MiB"]),
        (["--gpu-memory", "99999999TB"], ["--gpu-memory", "at most 16TiB"]),
    ] {
        let infa = with_gpus(embed(["--device", "cuda"]), nvml, NEW, "8.9").args(flags);
        infa.run().refuses(2, &words);
    }
    // In an engine's spec, too.
    let spec = embed(["--engine", "onnx@cuda:int8"]);
    with_gpus(spec, nvml, NEW, "8.9").run().refuses(2, &["--dtype int8", "CPU alone"]);
    let other = embed(["--engine", "onnx@cuda:1", "--device", "cuda:0"]);
    with_gpus(other, nvml, NEW, "8.9").run().refuses(2, &["--device", "contradicts onnx@cuda:1"]);
}

#[test]
fn flags_of_gpus_without_effect_are_named() {
    for (flags, words) in [
        (&["--device", "cpu", "--gpu-memory", "2GiB"][..], "--gpu-memory has no effect on the CPU"),
        (&["--device", "cpu", "--tf32"], "--tf32 has no effect on the CPU"),
    ] {
        embed(flags).stdin("a\n").run().status(0).says(&[words]);
    }
    let Some(nvml) = gpu_stubs::nvml() else { return };
    let infa = embed(["--device", "cuda", "--offline", "--tf32", "--dtype", "float16"]);
    with_gpus(infa, nvml, NEW, "8.9").run().says(&["--tf32 has no effect with --dtype float16"]);
}

/// A driver may keep to itself what CUDA does not need: the GPU is used all the same.
#[test]
fn gpus_of_unknown_memory_and_slices_of_gpus_are_used() {
    let Some(nvml) = gpu_stubs::nvml() else { return };
    const SLICE: &str = "MIG-4a7b6a5c-9f8e-5d1c-8b8a-1c2d3e4f5a6b";
    let doctor = |variables: &[(&str, &str)]| {
        let start = with_gpus(infa(["doctor"]), nvml, NEW, "8.9");
        let ran = variables.iter().fold(start, |infa, (name, value)| infa.env(name, value)).run();
        assert!(!ran.err.contains("WARN"), "{}", ran.err);
        ran.text().to_owned()
    };
    let text = doctor(&[("STUB_MEMORY", "4")]);
    assert!(text.contains("0: NVIDIA Stub 1, memory unknown, capability 8.9; usable"), "{text}");
    let text = doctor(&[("CUDA_VISIBLE_DEVICES", SLICE), ("STUB_SLICE", SLICE)]);
    assert!(text.contains("0: NVIDIA Stub 100, 10 GiB, capability 8.9; usable"), "{text}");
    // CUDA sees one that NVML cannot describe, too.
    let text = doctor(&[("CUDA_VISIBLE_DEVICES", SLICE)]);
    assert!(text.contains("0: MIG slice, memory unknown, capability unknown; usable"), "{text}");
    // What hides GPUs, and the next step, are named.
    let text = doctor(&[("CUDA_VISIBLE_DEVICES", "")]);
    assert!(text.contains("cpu (CUDA_VISIBLE_DEVICES hides all GPUs (1))"), "{text}");
    let text = doctor(&[("STUB_DRIVER", "535.183.01")]);
    assert!(text.contains("too old") && text.contains("update the driver"), "{text}");
}

/// Loading such a file would hang, or end the process by a signal.
#[test]
fn a_damaged_library_of_the_driver_is_never_loaded() {
    let Some(nvml) = gpu_stubs::nvml() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("libnvidia-ml.so.1");
    let whole = fs::read(nvml.join("libnvidia-ml.so.1")).unwrap();
    fs::write(&path, &whole[..9000]).unwrap();
    let check = |words: &str| {
        let ran = with_gpus(embed(["--device", "cuda"]), dir.path(), NEW, "8.9").run();
        ran.refuses(2, &["no working NVIDIA driver", path.to_str().unwrap(), words]);
        with_gpus(embed([] as [&str; 0]), dir.path(), NEW, "8.9").stdin("a\n").run().status(0);
    };
    check("cut off");
    fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    check("not a regular file");
}

/// A cache with copies of the stubs as CUDA's libraries, and ONNX Runtime for GPUs of which each file can be replaced.
fn whole_cache(runtime: &Path, stubs: &Path) -> TempDir {
    let cache = tempfile::tempdir().unwrap();
    let own = cache.path().join("onnxruntime-gpu").join(runtime.file_name().unwrap());
    fs::create_dir_all(&own).unwrap();
    for file in fs::read_dir(runtime).unwrap().flatten() {
        symlink(file.path(), own.join(file.file_name())).unwrap();
    }
    let cuda = cache.path().join("cuda/13.0");
    fs::create_dir_all(&cuda).unwrap();
    for name in CUDA {
        fs::copy(stubs.join(name), cuda.join(name)).unwrap();
    }
    cache
}

#[test]
fn damaged_files_of_the_cache_are_installed_again_and_auto_takes_the_cpu() {
    let (Some(nvml), Some((runtime, stubs))) = (gpu_stubs::nvml(), gpu_stubs::cuda()) else { return };
    let driver = gpu_stubs::copy(stubs, &[DRIVER], "");
    let cache = whole_cache(runtime, stubs);
    let empty = tempfile::tempdir().unwrap();
    let run = |flags: &[&str]| {
        let infa = embed(flags).stdin("a\n");
        with_libraries(infa, cache.path(), empty.path(), driver.path(), nvml).run()
    };
    assert!(run(&[]).err.contains("CUDA failure 35"));
    let version = runtime.file_name().unwrap().to_str().unwrap();
    let gpu = format!("onnxruntime-gpu/{version}");
    let other = fs::read(stubs.join("libcudart.so.13")).unwrap();
    for (file, content, reason, installed) in [
        ("cuda/13.0/libcurand.so.10", None, "libcurand.so.10 is not on this machine", "CUDA's libraries"),
        ("cuda/13.0/libcurand.so.10", Some(&other[..]), "another library, libcudart.so.13", "CUDA's libraries"),
        ("cuda/13.0/libcurand.so.10", Some(&other[..5000]), "cut off", "CUDA's libraries"),
        ("cuda/13.0/libcublas.so.13", Some(b"text"), "not a library of this system", "CUDA's libraries"),
        (&format!("{gpu}/libonnxruntime_providers_cuda.so"), None, "is not beside it", "ONNX Runtime"),
        (&format!("{gpu}/libonnxruntime_providers_cuda.so"), Some(&other), "another library", "ONNX Runtime"),
        (&format!("{gpu}/libonnxruntime_providers_shared.so"), None, "is not beside it", "ONNX Runtime"),
        (&format!("{gpu}/libonnxruntime_providers_shared.so"), Some(b""), "not a library", "ONNX Runtime"),
    ] {
        let path = cache.path().join(file);
        let before = path.canonicalize().unwrap();
        let keep = fs::read(&before).unwrap();
        fs::remove_file(&path).unwrap();
        content.into_iter().for_each(|content| fs::write(&path, content).unwrap());
        // There is no pip here: that the installation begins is enough.
        let ran = run(&["--device", "cuda"]);
        assert!(ran.status == 3 && ran.err.contains(&format!("Downloading {installed}")), "{file}: {}", ran.err);
        let ran = run(&["--device", "cuda", "--offline"]);
        assert!(ran.status == 3 && ran.err.contains("--offline"), "{file}: {}", ran.err);
        let ran = run(&[]);
        assert!(ran.status == 0 && ran.err.contains(reason), "{file}: {}", ran.err);
        assert!(ran.err.contains("--device cuda installs it"), "{file}: {}", ran.err);
        let _ = fs::remove_file(&path);
        match before == path {
            true => fs::write(&path, keep).unwrap(),
            false => symlink(before, &path).unwrap(),
        }
    }
    assert!(run(&[]).err.contains("CUDA failure 35"));
}

/// Nothing installs these: no message says so.
#[test]
fn what_cannot_be_installed_is_not_promised() {
    let (Some(nvml), Some((runtime, stubs))) = (gpu_stubs::nvml(), gpu_stubs::cuda()) else { return };
    let cache = cache_with(runtime);
    let empty = tempfile::tempdir().unwrap();
    let infa = embed([] as [&str; 0]).stdin("a\n");
    let ran = with_libraries(infa, cache.path(), stubs, empty.path(), nvml).run().status(0);
    assert!(ran.err.contains("libcuda.so.1 is not on this machine; NVIDIA's driver brings it"), "{}", ran.err);
    let Some(build) = gpu_stubs::build_for(library(), "libcudart.so.12") else { return };
    let infa = embed(["--ort-library"]).arg(build.path().join("libonnxruntime.so")).stdin("a\n");
    let ran = with_libraries(infa, cache.path(), empty.path(), stubs, nvml).run().status(0);
    assert!(ran.err.contains("the package nvidia-cuda-runtime-cu12 brings it"), "{}", ran.err);
}

#[test]
fn a_library_for_the_cpu_is_no_library_for_gpus() {
    let Some(nvml) = gpu_stubs::nvml() else { return };
    let path = library().to_str().unwrap();
    let words = [path, "not built for GPUs", "libonnxruntime_providers_cuda.so", "onnxruntime-gpu", "--device cpu"];
    let flag = embed(["--device", "cuda", "--ort-library", path]).without("ORT_DYLIB_PATH");
    with_gpus(flag, nvml, NEW, "8.9").run().refuses(3, &words);
    with_gpus(embed(["--device", "cuda"]), nvml, NEW, "8.9").run().refuses(3, &words);
}

#[test]
fn a_build_for_an_older_cuda_has_needs_of_its_own() {
    let Some(nvml) = gpu_stubs::nvml() else { return };
    let Some(build) = gpu_stubs::build_for(library(), "libcudart.so.12") else { return };
    let path = build.path().join("libonnxruntime.so");
    let cache = tempfile::tempdir().unwrap();
    let run = |driver: &str| {
        let infa = embed(["--device", "cuda", "--ort-library"]).arg(&path).env("INFA_CACHE_DIR", cache.path());
        with_gpus(infa, nvml, driver, "7.0").run()
    };
    // Driver and chip are good enough for it; what it is linked to is missing, and nothing for CUDA 13 is installed.
    run("535.183.01").refuses(3, &["libcudart.so.12", "nvidia-cuda-runtime-cu12", "--cuda-libraries"]);
    run("470.256.02").refuses(2, &["470.256.02 is too old for CUDA 12, which needs 525", "--device cpu"]);
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
}

#[test]
fn nothing_is_downloaded_without_consent() {
    let Some(nvml) = gpu_stubs::nvml() else { return };
    let cache = tempfile::tempdir().unwrap();
    let here =
        |infa: Infa| with_gpus(infa, nvml, NEW, "8.9").without("ORT_DYLIB_PATH").env("INFA_CACHE_DIR", cache.path());
    here(embed(["--device", "cuda", "--offline"])).run().refuses(3, &["for GPUs", "--offline", "hint: "]);
    // Consent is given, the size is said, but there is no pip.
    let ran = here(embed(["--device", "cuda"])).run();
    for word in ["740 MB", "onnxruntime-gpu==1.31.1", "cannot be installed", "hint: "] {
        assert!(ran.status == 3 && ran.err.contains(word), "{word}: {}", ran.err);
    }
    assert!(!cache.path().join("onnxruntime-gpu/1.31.1").exists());
    // auto computes on the CPU, and says so once.
    let ran = with_gpus(embed([] as [&str; 0]), nvml, NEW, "8.9").stdin("a\nb\n").run().status(0);
    assert_eq!(ran.text().lines().count(), 2);
    assert_eq!(ran.err.matches("the CPU is used, not the GPU").count(), 1, "{}", ran.err);
    // Without a GPU there is nothing to say; --device cpu says nothing either.
    for (flags, capabilities) in [(&[][..], ""), (&["--device", "cpu"], "8.9")] {
        let ran = with_gpus(embed(flags), nvml, NEW, capabilities).stdin("a\n").run().status(0);
        assert!(!ran.err.contains("GPU"), "{}", ran.err);
    }
}

/// A cache with ONNX Runtime for GPUs, and without CUDA's libraries.
pub(crate) fn cache_with(runtime: &Path) -> TempDir {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("onnxruntime-gpu");
    fs::create_dir(&folder).unwrap();
    symlink(runtime, folder.join(runtime.file_name().unwrap())).unwrap();
    cache
}

/// The program with a GPU, ONNX Runtime for it, CUDA's libraries in `libraries` and those of the driver in `driver`.
pub(crate) fn with_libraries(infa: Infa, cache: &Path, libraries: &Path, driver: &Path, nvml: &Path) -> Infa {
    let folders = format!("{}:{}", nvml.display(), driver.display());
    let infa = with_gpus(infa, nvml, NEW, "8.9").env("LD_LIBRARY_PATH", folders);
    infa.without("ORT_DYLIB_PATH").env("INFA_CACHE_DIR", cache).env("INFA_CUDA_LIBRARIES", libraries)
}

#[test]
fn with_all_libraries_the_provider_is_loaded_and_without_each_one_it_is_named() {
    let (Some(nvml), Some((runtime, stubs))) = (gpu_stubs::nvml(), gpu_stubs::cuda()) else { return };
    let cache = cache_with(runtime);
    let driver = gpu_stubs::copy(stubs, &[DRIVER], "");
    let all = gpu_stubs::copy(stubs, &CUDA, "");
    let flags = ["--offline", "--dtype", "float32"];
    // The stubs' error comes from CUDA: the provider is loaded, and nothing falls back to the CPU.
    for device in [&["--device", "cuda"][..], &[]] {
        let infa = embed(flags).args(device).stdin("a\n");
        let ran = with_libraries(infa, cache.path(), all.path(), driver.path(), nvml).run();
        assert!(ran.status == 3 && ran.out.is_empty(), "{device:?}: {}", ran.err);
        assert!(ran.err.contains("CUDA failure 35"), "{device:?}: {}", ran.err);
    }
    let packages = ["nvidia-cuda-runtime", "nvidia-cublas", "nvidia-cublas", "nvidia-curand"];
    for (name, package) in CUDA.into_iter().zip(packages) {
        let some = gpu_stubs::copy(stubs, &CUDA, name);
        fs::write(some.path().join(name), "damaged").unwrap();
        let infa = embed(flags).args(["--device", "cuda"]);
        let ran = with_libraries(infa, cache.path(), some.path(), driver.path(), nvml).run();
        ran.refuses(3, &[name, package, "--cuda-libraries", some.path().to_str().unwrap()]);
        // Of what is not there at all, infa would install it.
        fs::remove_file(some.path().join(name)).unwrap();
        let infa = embed(flags).args(["--device", "cuda"]);
        let ran = with_libraries(infa, cache.path(), some.path(), driver.path(), nvml).run();
        ran.refuses(3, &["CUDA's libraries", "--offline", "--cuda-libraries"]);
        // auto takes the CPU then.
        let ran = with_libraries(embed(flags).stdin("a\n"), cache.path(), some.path(), driver.path(), nvml).run();
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert!(ran.err.contains(&format!("{name} is not on this machine")), "{}", ran.err);
    }
    let without = tempfile::tempdir().unwrap();
    let infa = embed(flags).args(["--device", "cuda"]);
    let ran = with_libraries(infa, cache.path(), all.path(), without.path(), nvml).run();
    ran.refuses(3, &[DRIVER, "NVIDIA's driver", "--gpus all"]);
    let infa = embed(flags).args(["--device", "tensorrt"]);
    let ran = with_libraries(infa, cache.path(), all.path(), driver.path(), nvml).run();
    ran.refuses(3, &["libcudnn.so.9", "nvidia-cudnn-cu13"]);
}

#[test]
fn a_ready_onnx_file_goes_to_the_gpu_too() {
    let (Some(nvml), Some((runtime, stubs))) = (gpu_stubs::nvml(), gpu_stubs::cuda()) else { return };
    let cache = cache_with(runtime);
    let model = support_copy("bert-tiny");
    fs::copy(fixture("bert-plain.onnx"), model.path().join("model.onnx")).unwrap();
    let infa = infa(["embed", "--offline", "--device", "cuda", "-m"]).arg(model.path().join("model.onnx")).stdin("a\n");
    let ran = with_libraries(infa, cache.path(), stubs, stubs, nvml).run();
    assert!(ran.status == 3 && ran.out.is_empty() && ran.err.contains("CUDA failure 35"), "{}", ran.err);
}

#[test]
fn doctor_describes_driver_gpus_and_libraries() {
    let Some(nvml) = gpu_stubs::nvml() else { return };
    let doctor = |gpus: &str| {
        let ran = with_gpus(infa(["doctor", "--json"]), nvml, NEW, gpus).run();
        serde_json::from_slice::<Json>(&ran.out).unwrap()
    };
    let report = doctor("8.9,7.0");
    assert_eq!(report["gpus"]["driver"], NEW);
    let gpus = &report["gpus"]["found"];
    assert_eq!((&gpus[0]["name"], &gpus[0]["usable"]), (&"NVIDIA Stub 1".into(), &true.into()));
    assert_eq!((&gpus[1]["capability"], &gpus[1]["usable"]), (&"7.0".into(), &false.into()));
    assert!(gpus[1]["reason"].as_str().unwrap().contains("capability 7.0"), "{report}");
    assert_eq!((&report["auto"], &report["devices"]), (&"cpu".into(), &serde_json::json!(["cpu", "cuda"])));
    assert_eq!(doctor("")["devices"], serde_json::json!(["cpu"]));
    // As text, with all that is missing and what brings it.
    let cache = tempfile::tempdir().unwrap();
    let text = with_gpus(infa(["doctor"]), nvml, NEW, "8.9").without("ORT_DYLIB_PATH");
    let text = text.env("INFA_CACHE_DIR", cache.path()).run().text().to_owned();
    for word in [
        "driver 580.95.05, up to CUDA 13.0",
        "0: NVIDIA Stub 1, 24 GiB, capability 8.9; usable",
        "(740 MB)",
        "libcurand.so.10: missing; the package nvidia-curand brings it",
        "libnvinfer.so.10: missing",
        "TensorRT         no",
        "--device auto    cpu (",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let Some((runtime, stubs)) = gpu_stubs::cuda() else { return };
    let cache = cache_with(runtime);
    let infa = infa(["doctor", "--json"]);
    let ran = with_libraries(infa, cache.path(), stubs, stubs, nvml).run();
    let report: Json = serde_json::from_slice(&ran.out).unwrap();
    assert_eq!((&report["auto"], &report["gpu_libraries"]["tensorrt"]), (&"cuda:0".into(), &false.into()), "{report}");
    let libraries = report["gpu_libraries"]["libraries"].as_array().unwrap();
    let here = |name: &str| libraries.iter().any(|library| library["name"] == name && library["here"] == true);
    assert!(CUDA.iter().chain(&[DRIVER]).all(|name| here(name)), "{report}");
    assert!(!here("libcudnn.so.9") || !here("libnvinfer.so.10"));
}
