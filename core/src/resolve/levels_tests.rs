use super::*;

impl Levels {
    /// The same levels, told in runs.
    pub(crate) fn in_runs(levels: &[i16]) -> Self {
        let mut runs = Levels::Runs(Vec::new());
        levels.iter().for_each(|level| runs.push(*level, 1));
        runs
    }

    /// Levels up to `max`, in runs of all lengths.
    pub(crate) fn scattered(count: usize, max: i16, seed: u64) -> Vec<i16> {
        let mut state = seed;
        let mut next = move |below: u64| {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            (state >> 33) % below
        };
        let mut levels = Vec::new();
        while levels.len() < count {
            let level = next(u64::from(max.unsigned_abs()) + 1) as i16;
            let most = [1, 2, 9, 40][next(4) as usize];
            let length = 1 + next(most) as usize;
            levels.resize((levels.len() + length).min(count), level);
        }
        levels
    }
}

fn each(levels: &Levels, range: Range<usize>) -> Vec<i16> {
    let slice = levels.slice(range);
    slice.runs().flat_map(|(level, count)| std::iter::repeat_n(level, count)).collect()
}

#[test]
fn slices_of_runs_are_those_of_levels() {
    for seed in 0..20 {
        let levels = Levels::scattered(200, 2, seed);
        let runs = Levels::in_runs(&levels);
        for start in (0..=200).step_by(13) {
            for end in start..=200 {
                assert_eq!(each(&runs, start..end), levels[start..end], "{start}..{end}");
            }
        }
        let mut run = 0;
        for (entry, level) in levels.iter().enumerate() {
            let (found, count) = runs.at(entry, &mut run).unwrap();
            assert_eq!(found, *level);
            assert!(levels[entry..entry + count].iter().all(|other| other == level));
        }
        assert_eq!(runs.at(200, &mut run), None);
    }
}

#[test]
fn an_overlay_puts_levels_where_its_instances_are() {
    for seed in 0..200 {
        let told = Levels::scattered(120, 1, seed);
        let parent = |definitions| Parent { definitions, live: 1, ..Parent::of_rows(120) };
        let live: Vec<usize> = (0..120).filter(|entry| told[*entry] == 1).collect();
        // Some of its instances have a value.
        let has = Levels::scattered(live.len(), 1, seed + 1_000);
        let mut expected = told.clone();
        for (instance, entry) in live.iter().enumerate() {
            expected[*entry] = 1 + has[instance];
        }
        let given = [Levels::Each(told.clone()), Levels::in_runs(&told)];
        for parent in given.map(parent) {
            for runs in [false, true] {
                let mut overlay = Overlay::new(&parent, runs);
                for (instance, _) in has.iter().enumerate().filter(|(_, has)| **has == 1) {
                    assert_eq!(overlay.reach(instance), live[instance]);
                    overlay.put(2);
                }
                let found = overlay.end();
                assert_eq!(each(&found, 0..120), expected, "{seed}");
                assert_eq!(found.len(), 120);
            }
        }
    }
}

#[test]
fn places_are_those_of_each_entry_whichever_are_asked_for() {
    for seed in 0..100 {
        let mut repetitions = Levels::scattered(150, 2, seed);
        repetitions[0] = 0;
        let mut expected = vec![(0, vec![0, 0])];
        for level in &repetitions[1..] {
            let (mut row, mut indexes) = expected[expected.len() - 1].clone();
            match level {
                0 => (row, indexes) = (row + 1, vec![0, 0]),
                1 => indexes = vec![indexes[0] + 1, 0],
                _ => indexes[1] += 1,
            }
            expected.push((row, indexes));
        }
        for told in [Levels::Each(repetitions.clone()), Levels::in_runs(&repetitions)] {
            let parent = Parent { repetitions: Arc::new(told), lists: 2, ..Parent::of_rows(150) };
            for step in [1, 2, 7, 149] {
                let mut places = Places::new(&parent);
                for entry in (0..150).step_by(step) {
                    let Place { row, indexes } = places.of(entry);
                    assert_eq!((*row, indexes), (expected[entry].0, &expected[entry].1));
                }
            }
        }
    }
}
