//! Files in the order of their LSNs, and which of them lie in gaps of others.

use super::file::CompactFile;
use crate::LsnRange;
use crate::sort::sort;

/// The files of a table as nodes. A node is the fewest files that have all LSNs from their lowest
/// to their highest for themselves, without those in gaps: mostly one file.
///
/// A *run* is a list of nodes with no other file's LSNs between them. Runs lie in the gaps of other
/// nodes, and one run lies in no gap. Consecutive nodes of one run, with all that lies in their
/// gaps, can be rewritten together.
#[derive(Debug)]
pub(super) struct Order {
    nodes: Vec<Node>,
    root: Vec<usize>,
    /// The files by their first block, and for each block how many begin before it.
    files: Vec<usize>,
    files_before: Vec<usize>,
    /// For each block: how many blocks up to it do not touch the block before.
    breaks: Vec<usize>,
}

/// What some files hold together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) files: usize,
    pub(super) bytes: u64,
    pub(super) rows: u64,
    /// Of the largest file.
    pub(super) bytes_max: u64,
    pub(super) rows_max: u64,
}

#[derive(Debug)]
struct Node {
    /// The first and the last block.
    first: usize,
    last: usize,
    /// Of its files, those in its gaps too.
    sum: Sum,
    /// The nodes in its gaps.
    runs: Vec<Vec<usize>>,
}

/// A node that has blocks to come.
#[derive(Debug, Default)]
struct Open {
    first: usize,
    blocks_left: usize,
    sum: Sum,
    runs: Vec<Vec<usize>>,
    /// The nodes in the gap behind its last block.
    run: Vec<usize>,
}

/// LSNs that follow each other. Where files have the same LSNs, it has all ranges that overlap.
#[derive(Debug)]
struct Block {
    lsns: LsnRange,
    files: Vec<usize>,
}

impl Order {
    /// The files; the ranges of each are sorted and do not touch.
    pub(super) fn of(files: &[CompactFile]) -> Self {
        let blocks = blocks(files);
        let mut first_block = vec![usize::MAX; files.len()];
        let mut blocks_of = vec![0_usize; files.len()];
        let mut order = Order {
            nodes: Vec::new(),
            root: Vec::new(),
            files: Vec::with_capacity(files.len()),
            files_before: Vec::with_capacity(blocks.len() + 1),
            breaks: Vec::with_capacity(blocks.len()),
        };
        let (mut breaks, mut end) = (0, None);
        for (at, block) in blocks.iter().enumerate() {
            order.files_before.push(order.files.len());
            breaks += usize::from(end != Some(block.lsns.min()));
            order.breaks.push(breaks);
            end = block.lsns.max().checked_add(1);
            for file in &block.files {
                blocks_of[*file] += 1;
                if first_block[*file] == usize::MAX {
                    first_block[*file] = at;
                    order.files.push(*file);
                }
            }
        }
        order.files_before.push(order.files.len());
        let mut open: Vec<Open> = Vec::new();
        for (at, block) in blocks.iter().enumerate() {
            // Nodes on the stack begin one after the other, and a file is in the last one that
            // begins no later than the file does.
            let depth_of = |first: usize| open.partition_point(|node| node.first <= first);
            let earlier = block.files.iter().filter(|file| first_block[**file] < at);
            let depth = earlier.map(|file| depth_of(first_block[*file])).min();
            let mut node = match depth {
                // Nodes above have blocks on both sides of this one, so they cross it.
                Some(depth) => merged(open.drain(depth.saturating_sub(1)..)),
                None => Open { first: at, ..Open::default() },
            };
            for file in block.files.iter().filter(|file| first_block[**file] == at) {
                node.blocks_left += blocks_of[*file];
                node.sum.add(&Sum::of(&files[*file]));
            }
            node.blocks_left -= block.files.len();
            match node.blocks_left {
                0 => order.close(node, at, open.last_mut()),
                _ => open.push(node),
            }
        }
        order
    }

    /// The run that lies in no gap.
    pub(super) fn root(&self) -> &[usize] {
        &self.root
    }

    /// The runs in the gaps of the node.
    pub(super) fn runs_in(&self, node: usize) -> impl Iterator<Item = &[usize]> {
        self.nodes[node].runs.iter().map(Vec::as_slice)
    }

    /// What the files of the node and of its gaps hold.
    pub(super) fn sum(&self, node: usize) -> Sum {
        self.nodes[node].sum
    }

    /// How many ranges the LSNs from the first to the last of these nodes of one run make.
    pub(super) fn ranges(&self, first: usize, last: usize) -> usize {
        let (first, last) = (self.nodes[first].first, self.nodes[last].last);
        1 + self.breaks[last] - self.breaks[first]
    }

    /// The files of consecutive nodes of one run, and of their gaps, by their lowest LSN.
    pub(super) fn files_of(&self, nodes: &[usize]) -> &[usize] {
        let (Some(first), Some(last)) = (nodes.first(), nodes.last()) else { return &[] };
        let (first, last) = (self.nodes[*first].first, self.nodes[*last].last);
        &self.files[self.files_before[first]..self.files_before[last + 1]]
    }

    /// Ends a node at its last block. `around` is the node in whose gap it lies.
    fn close(&mut self, node: Open, last: usize, around: Option<&mut Open>) {
        let Open { first, sum, runs, .. } = node;
        let closed = self.nodes.len();
        self.nodes.push(Node { first, last, sum, runs });
        match around {
            Some(around) => {
                around.sum.add(&sum);
                around.run.push(closed);
            }
            None => self.root.push(closed),
        }
    }
}

impl Sum {
    fn of(file: &CompactFile) -> Self {
        // A file without a byte or row is a wrong claim, and must not be free.
        let (bytes, rows) = (file.bytes.max(1), file.rows.max(1));
        Sum { files: 1, bytes, rows, bytes_max: bytes, rows_max: rows }
    }

    pub(super) fn add(&mut self, other: &Sum) {
        self.files += other.files;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.rows = self.rows.saturating_add(other.rows);
        self.bytes_max = self.bytes_max.max(other.bytes_max);
        self.rows_max = self.rows_max.max(other.rows_max);
    }
}

/// One node of these, with a block that follows now: their gaps end here.
fn merged(nodes: impl Iterator<Item = Open>) -> Open {
    let mut all: Option<Open> = None;
    for mut node in nodes {
        if !node.run.is_empty() {
            node.runs.push(std::mem::take(&mut node.run));
        }
        match &mut all {
            None => all = Some(node),
            Some(all) => {
                all.blocks_left += node.blocks_left;
                all.sum.add(&node.sum);
                all.runs.append(&mut node.runs);
            }
        }
    }
    all.unwrap_or_default()
}

fn blocks(files: &[CompactFile]) -> Vec<Block> {
    let mut ranges: Vec<(LsnRange, usize)> = Vec::new();
    for (at, file) in files.iter().enumerate() {
        ranges.extend(file.lsns.iter().map(|lsns| (*lsns, at)));
    }
    sort(&mut ranges);
    let mut blocks: Vec<Block> = Vec::new();
    for (lsns, file) in ranges {
        match blocks.last_mut().filter(|block| block.lsns.overlaps(lsns)) {
            Some(block) => {
                block.lsns = block.lsns.hull(lsns);
                block.files.push(file);
            }
            None => blocks.push(Block { lsns, files: vec![file] }),
        }
    }
    for block in &mut blocks {
        sort(&mut block.files);
        block.files.dedup();
    }
    blocks
}
