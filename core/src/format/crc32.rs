//! The CRC-32 of gzip (RFC 1952, section 8), which Parquet's pages have too.
//!
//! A library has 9 KB of tables, and no compression makes them smaller. So WebAssembly makes them
//! when they are first needed, which takes microseconds.

cfg_if::cfg_if! {
    if #[cfg(target_arch = "wasm32")] {
        pub(crate) use by_tables::Crc32;
    } else {
        pub(crate) use by_library::Crc32;
    }
}

/// The checksum of these bytes.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut checksum = Crc32::default();
    checksum.update(bytes);
    checksum.sum()
}

#[cfg(not(target_arch = "wasm32"))]
mod by_library {
    /// The checksum of the bytes so far.
    #[derive(Debug, Default)]
    pub(crate) struct Crc32(flate2::Crc);

    impl Crc32 {
        pub(crate) fn update(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        pub(crate) fn sum(&self) -> u32 {
            self.0.sum()
        }
    }

    impl Clone for Crc32 {
        fn clone(&self) -> Self {
            // `flate2::Crc` has no `Clone`; combining with an empty one gives the same checksum.
            let mut copy = flate2::Crc::new();
            copy.combine(&self.0);
            Crc32(copy)
        }
    }
}

#[cfg(any(target_arch = "wasm32", test))]
mod by_tables {
    use std::sync::OnceLock;

    /// The polynomial, its lowest bit first.
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    /// How many bytes one step takes.
    const STEP: usize = 8;

    /// `[n][byte]`: what a byte becomes that `n` bytes follow.
    type Tables = [[u32; 256]; STEP];

    /// The checksum of the bytes so far.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Crc32(u32);

    impl Crc32 {
        pub(crate) fn update(&mut self, bytes: &[u8]) {
            let tables = tables();
            let mut state = !self.0;
            let mut steps = bytes.chunks_exact(STEP);
            for step in &mut steps {
                let mut next = 0;
                for (at, byte) in step.iter().enumerate() {
                    let mixed = if at < 4 { byte ^ (state >> (8 * at)) as u8 } else { *byte };
                    next ^= tables[STEP - 1 - at][usize::from(mixed)];
                }
                state = next;
            }
            for byte in steps.remainder() {
                state = tables[0][usize::from(*byte ^ state as u8)] ^ (state >> 8);
            }
            self.0 = !state;
        }

        pub(crate) fn sum(&self) -> u32 {
            self.0
        }
    }

    fn tables() -> &'static Tables {
        static TABLES: OnceLock<Tables> = OnceLock::new();
        TABLES.get_or_init(|| {
            let mut tables = [[0; 256]; STEP];
            for byte in 0..=u8::MAX {
                let mut value = u32::from(byte);
                for table in &mut tables {
                    for _ in 0..8 {
                        value = (value >> 1) ^ if value & 1 == 1 { POLYNOMIAL } else { 0 };
                    }
                    table[usize::from(byte)] = value;
                }
            }
            tables
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::by_tables::Crc32;

    proptest! {
        #[test]
        fn the_tables_give_what_the_library_gives(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..5)
        ) {
            let (mut ours, mut theirs) = (Crc32::default(), flate2::Crc::new());
            for part in parts {
                ours.update(&part);
                theirs.update(&part);
                prop_assert_eq!(ours.clone().sum(), theirs.sum());
            }
        }
    }
}
