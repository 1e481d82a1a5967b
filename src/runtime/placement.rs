//! The placement of a session's nodes on CPU and GPU, by ONNX Runtime's log: its API has no function for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ort::logging::LogLevel;
use ort::session::builder::SessionBuilder;

use super::loaded::log;

/// ONNX Runtime's messages while it makes a session.
#[derive(Clone, Default)]
pub(super) struct LoadLog(Arc<Mutex<Placement>>);

/// The nodes that are not on the GPU.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Placement {
    /// Nodes on the CPU.
    pub cpu_nodes: usize,
    /// Nodes in all.
    pub nodes: usize,
    /// Copies between CPU and GPU in each run.
    pub copies: usize,
    /// Operators of the nodes on the CPU, each once with its number of nodes.
    pub cpu_operators: Vec<(String, usize)>,
    /// True while the lines that follow name nodes on the CPU.
    on_cpu: bool,
}

/// True for the error that a node would run on the CPU, which the session must not have.
pub(super) fn is_fallback(error: &ort::Error) -> bool {
    error.message().contains("fallback to CPU EP has been explicitly disabled")
}

impl LoadLog {
    /// Makes ONNX Runtime write down all it does for the session. Only warnings reach infa's own log.
    pub(super) fn listen(&self, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
        let placement = Arc::clone(&self.0);
        let listen = move |level: LogLevel, category: &str, id: &str, location: &str, message: &str| {
            placement.lock().unwrap_or_else(PoisonError::into_inner).read(message);
            if !matches!(level, LogLevel::Verbose | LogLevel::Info) {
                log(level, category, id, location, message);
            }
        };
        Ok(builder.with_logger(Arc::new(listen))?.with_log_level(LogLevel::Verbose)?)
    }

    pub(super) fn placement(&self) -> Placement {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Placement {
    /// Reads one message of ONNX Runtime (`VerifyEachNodeIsAssignedToAnEp`, `MemcpyTransformer`).
    fn read(&mut self, message: &str) {
        let message = message.trim();
        let count = |text: &str| text.trim().split(' ').next().and_then(|word| word.parse::<usize>().ok());
        if let Some(rest) =
            message.strip_prefix("All nodes placed on [").or_else(|| message.strip_prefix("Node(s) placed on ["))
        {
            let Some((provider, rest)) = rest.split_once("]. Number of nodes: ") else { return };
            let nodes = count(rest).unwrap_or(0);
            self.on_cpu = provider == "CPUExecutionProvider";
            self.nodes += nodes;
            self.cpu_nodes += if self.on_cpu { nodes } else { 0 };
        } else if let Some((before, _)) = message.split_once(" Memcpy nodes are added to the graph") {
            self.copies += count(before).unwrap_or(0);
        } else if let Some((operator, _)) = message.split_once(" (").filter(|_| self.on_cpu && message.ends_with(')')) {
            match self.cpu_operators.iter_mut().find(|(known, _)| known == operator) {
                Some((_, nodes)) => *nodes += 1,
                None => self.cpu_operators.push((operator.to_owned(), 1)),
            }
        } else {
            self.on_cpu = false;
        }
    }

    /// The nodes on the CPU and the copies in a sentence; `None` if there are none.
    pub(super) fn warning(&self) -> Option<String> {
        let Self { cpu_nodes, nodes, copies, cpu_operators, on_cpu: _ } = self;
        if *cpu_nodes == 0 && *copies == 0 {
            return None;
        }
        let sorted: BTreeMap<_, _> = cpu_operators.iter().map(|(name, nodes)| (name, nodes)).collect();
        let names: Vec<String> = sorted.into_iter().map(|(name, nodes)| format!("{nodes} {name}")).collect();
        let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        Some(format!(
            "{cpu_nodes} of {nodes} nodes run on the CPU{names}, with {copies} copies between CPU and GPU in each run: \
             the GPU has no kernels for them"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Placement {
        let mut placement = Placement::default();
        lines.iter().for_each(|line| placement.read(line));
        placement
    }

    #[test]
    fn nodes_on_the_cpu_are_counted_and_named() {
        let placement = read(&[
            "Node placements",
            " Node(s) placed on [CUDAExecutionProvider]. Number of nodes: 120",
            "  MatMul (/encoder/layer.0/MatMul)",
            " Node(s) placed on [CPUExecutionProvider]. Number of nodes: 3",
            "  Gather (/Gather)",
            "  Shape (/Shape (of ids))",
            "  Gather (/Gather_1)",
            "SaveMLValueNameIndexMapping",
            "Cast (not a node)",
            "4 Memcpy nodes are added to the graph main_graph for CUDAExecutionProvider. It might have negative impact.",
            "2 Memcpy nodes are added to the graph sub_graph for CUDAExecutionProvider.",
        ]);
        assert_eq!((placement.cpu_nodes, placement.nodes, placement.copies), (3, 123, 6));
        assert_eq!(placement.cpu_operators, [("Gather".to_owned(), 2), ("Shape".to_owned(), 1)]);
        let warning = placement.warning().unwrap_or_default();
        assert!(warning.contains("3 of 123 nodes run on the CPU (2 Gather, 1 Shape), with 6 copies"), "{warning}");
    }

    #[test]
    fn nothing_on_the_cpu_is_no_warning() {
        let placement = read(&["Node placements", " All nodes placed on [CUDAExecutionProvider]. Number of nodes: 9"]);
        assert_eq!((placement.nodes, placement.warning()), (9, None));
        assert_eq!(read(&["All nodes placed on [", "x Memcpy nodes are added to the graph"]).warning(), None);
    }
}
