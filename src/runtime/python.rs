//! The active Python environment, which may have ONNX Runtime and the libraries of GPUs.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::install;

/// Answers of Python about its environment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Environment {
    /// The folder of its packages.
    pub packages: Option<PathBuf>,
    /// The folder of the package `onnxruntime`, which is not imported.
    pub onnxruntime: Option<PathBuf>,
}

/// The active environment; `None` without a working Python. Python is started once a process.
pub(super) fn environment() -> Option<&'static Environment> {
    const QUESTION: &str = "import sysconfig, importlib.util as u; print(sysconfig.get_paths()['platlib']); \
                            s = u.find_spec('onnxruntime'); \
                            print(s.submodule_search_locations[0] if s and s.submodule_search_locations else '')";
    static ENVIRONMENT: OnceLock<Option<Environment>> = OnceLock::new();
    ENVIRONMENT
        .get_or_init(|| {
            let mut python = Command::new(install::python());
            let output = python.args(["-c", QUESTION]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
            output.status.success().then(|| parse(&String::from_utf8(output.stdout).ok()?))?
        })
        .as_ref()
}

fn parse(text: &str) -> Option<Environment> {
    let mut lines = text.lines().map(|line| PathBuf::from(line.trim()));
    let packages = lines.next()?;
    let onnxruntime = lines.next().filter(|folder| !folder.as_os_str().is_empty());
    Some(Environment { packages: Some(packages).filter(|folder| folder.is_absolute()), onnxruntime })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_python() {
        let environment = |packages: Option<&str>, onnxruntime: Option<&str>| {
            Some(Environment { packages: packages.map(Into::into), onnxruntime: onnxruntime.map(Into::into) })
        };
        assert_eq!(parse("/env\n/env/onnxruntime\n"), environment(Some("/env"), Some("/env/onnxruntime")));
        assert_eq!(parse("/env\n\n"), environment(Some("/env"), None));
        assert_eq!(parse("env\n"), environment(None, None));
        assert_eq!(parse(""), None);
    }
}
