//! Measures of retrieval as trec_eval defines them, and BEIR through pytrec_eval with it.

/// nDCG of the first `k` documents, from 0 to 1: DCG = Σ rel_i / log2(i + 1) over the ranks i = 1 … k, divided by that of
/// the best order of all judged documents, which is cut at `k` likewise. The gain is the relevance itself, not
/// 2^rel − 1 (Järvelin and Kekäläinen, ACM TOIS 20, 2002; trec_eval's `ndcg_cut` in `m_ndcg_cut.c`, which is BEIR's
/// nDCG@k).
///
/// `ranked`: relevances of the documents that were found, best first, 0 for unjudged ones. `judged`: those of all
/// judged documents, in any order. Without a relevant one it is 0, as there.
pub(crate) fn ndcg_at(ranked: &[u32], judged: &[u32], k: usize) -> f64 {
    let gain = |(at, &relevance): (usize, &u32)| f64::from(relevance) / (at as f64 + 2.0).log2();
    let dcg = |relevances: &[u32]| relevances.iter().take(k).enumerate().map(gain).sum::<f64>();
    let mut best = judged.to_vec();
    best.sort_unstable_by(|a, b| b.cmp(a));
    let ideal = dcg(&best);
    if ideal > 0.0 { dcg(ranked) / ideal } else { 0.0 }
}

/// The part of the relevant documents (relevance 1 and more) that is among the first `k`, from 0 to 1 (trec_eval's
/// `recall` in `m_recall.c`, which is BEIR's Recall@k). Without a relevant one it is 0, as there.
///
/// The lists are those of [`ndcg_at`].
pub(crate) fn recall_at(ranked: &[u32], judged: &[u32], k: usize) -> f64 {
    let relevant = |relevances: &[u32]| relevances.iter().filter(|&&relevance| relevance > 0).count();
    let (found, all) = (relevant(&ranked[..k.min(ranked.len())]), relevant(judged));
    if all > 0 { found as f64 / all as f64 } else { 0.0 }
}

/// 1 over the rank of the first relevant document (relevance 1 and more), if it is among the first `k`; else 0. Its mean
/// over queries is MRR@k (Voorhees, The TREC-8 Question Answering Track Report, 1999; BEIR's and MTEB's `mrr`).
///
/// The list is that of [`ndcg_at`].
pub(crate) fn reciprocal_rank_at(ranked: &[u32], k: usize) -> f64 {
    let first = ranked.iter().take(k).position(|&relevance| relevance > 0);
    first.map_or(0.0, |at| 1.0 / (at as f64 + 1.0))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    /// Documents in the order in which trec_eval reads a run: by falling score, of equal scores the name that sorts last
    /// first (`comp_sim_docno` in `form_res_rels.c`). NaN comes last.
    fn ranked<'a>(documents: &[(&'a str, f64)]) -> Vec<&'a str> {
        let order = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()));
        let mut documents: Vec<&(&str, f64)> = documents.iter().collect();
        documents.sort_by(|a, b| match order(b.1, a.1) {
            Ordering::Equal => b.0.cmp(a.0),
            order => order,
        });
        documents.into_iter().map(|(name, _)| *name).collect()
    }

    /// Relevances of the ranking and of all judged documents of query `q`, by the formulas of the script below.
    fn query(q: u32) -> (Vec<u32>, Vec<u32>) {
        let name = |d: u32| format!("d{d:02}");
        let run: Vec<(String, f64)> =
            (0..25).map(|d| (name((d * 7 + q) % 40), f64::from((d * d * 3 + q * 5 + d) % 9) / 4.0)).collect();
        let run: Vec<(&str, f64)> = run.iter().map(|(name, score)| (name.as_str(), *score)).collect();
        let judged: Vec<(String, u32)> = match q {
            5 => vec![(name(0), 0), (name(2), 0)],
            _ => (0..40).step_by(2).map(|d| (name(d), (d * d + 3 * q + d) % 4)).collect(),
        };
        let relevance = |name: &&str| judged.iter().find(|(other, _)| other == name).map_or(0, |(_, rel)| *rel);
        (ranked(&run).iter().map(relevance).collect(), judged.iter().map(|(_, rel)| *rel).collect())
    }

    /// pytrec_eval (pytrec-eval-terrier 0.5.11), with ties and unjudged documents:
    ///
    /// ```python
    /// run = {f"q{q}": {f"d{(d*7+q)%40:02}": ((d*d*3+q*5+d)%9)/4 for d in range(25)} for q in range(6)}
    /// qrels = {f"q{q}": {f"d{d:02}": (d*d+3*q+d)%4 for d in range(0, 40, 2)} for q in range(6)}
    /// qrels["q5"] = {"d00": 0, "d02": 0}
    /// RelevanceEvaluator(qrels, {"ndcg_cut.1,5,10,100", "recall.5,10,100"}).evaluate(run)
    /// ```
    #[test]
    fn they_are_trec_evals() {
        let expected = [
            ([0.0, 0.36005461457723403, 0.2999050316974944, 0.46458340669501735], [0.2, 0.3, 0.6]),
            ([1.0, 0.541694037697467, 0.4454082278674499, 0.5720520788046066], [0.15, 0.25, 0.6]),
            ([1.0, 0.3391602052736161, 0.42836504693009625, 0.525113448468354], [0.1, 0.4, 0.6]),
            ([0.0, 0.3938807921944381, 0.3462398343081202, 0.48066420678714455], [0.15, 0.25, 0.6]),
            ([0.0, 0.30078518014914984, 0.2685529228900211, 0.4177216646489665], [0.2, 0.3, 0.6]),
            ([0.0; 4], [0.0; 3]),
        ];
        for (q, (ndcg, recall)) in (0..).zip(expected) {
            let (ranked, judged) = query(q);
            for (k, expected) in [1, 5, 10, 100].into_iter().zip(ndcg) {
                let found = ndcg_at(&ranked, &judged, k);
                assert!((found - expected).abs() < 1e-12, "q{q} ndcg@{k}: {found} {expected}");
            }
            for (k, expected) in [5, 10, 100].into_iter().zip(recall) {
                let found = recall_at(&ranked, &judged, k);
                assert!((found - expected).abs() < 1e-12, "q{q} recall@{k}: {found} {expected}");
            }
        }
    }

    #[test]
    fn the_best_order_is_one_and_nothing_is_nothing() {
        assert_eq!(ndcg_at(&[3, 2, 1], &[1, 0, 3, 2], 10), 1.0);
        assert_eq!(recall_at(&[3, 0], &[1, 3], 10), 0.5);
        assert_eq!((ndcg_at(&[], &[1], 10), recall_at(&[], &[1], 10)), (0.0, 0.0));
        assert_eq!((ndcg_at(&[1], &[1], 0), recall_at(&[1], &[1], 0)), (0.0, 0.0));
        assert_eq!([1, 2, 3, 4].map(|k| reciprocal_rank_at(&[0, 0, 2, 1], k)), [0.0, 0.0, 1.0 / 3.0, 1.0 / 3.0]);
        assert_eq!((reciprocal_rank_at(&[1], 10), reciprocal_rank_at(&[], 10)), (1.0, 0.0));
    }
}
