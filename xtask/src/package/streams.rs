//! The bytes of a WebAssembly in four streams: pkg-template/decode.wat merges them again. Numbers of one meaning repeat each
//! other more often than they repeat the instructions around them, so a server's gzip makes the download a tenth smaller
//! than without the streams, and brotli as well. What decode.wat can know is left out: the sizes of the functions, and the
//! alignments of loads and stores.
//!
//! ```text
//! local.get 3, i32.load align=2 offset=16, local.get 3, i32.const 9
//!
//!   rest      local.get   i32.load   local.get   i32.const
//!   offsets                     16
//!   constants                                            9
//!   locals             3                     3
//! ```

use crate::failure::{Failure, Result};

const MAGIC: &[u8] = b"\0asm\x01\0\0\0";
/// The id of the section with the functions.
const CODE: u8 = 10;

/// The bytes of a size that decode.wat writes.
const SIZE: usize = 3;
/// The bytes of a WebAssembly that decode.wat has room for.
const ROOM: usize = 0x40000 - 0x400;

#[derive(Default)]
struct Streams {
    rest: Vec<u8>,
    offsets: Vec<u8>,
    constants: Vec<u8>,
    locals: Vec<u8>,
    /// The number of bytes that decode.wat adds.
    added: usize,
}

/// The streams in the order that compresses best: the rest, the offsets, the constants, the locals.
///
/// # Errors
/// If `wasm` contains an instruction that neither this function nor decode.wat knows, or is too large for decode.wat.
pub(super) fn split(wasm: &[u8]) -> Result<[Vec<u8>; 4]> {
    let mut streams = Streams::default();
    let is_known = streams.take_module(&mut Input { bytes: wasm }).is_some();
    let Streams { rest, offsets, constants, locals, added } = streams;
    let streams = [rest, offsets, constants, locals];
    if is_known && streams.iter().map(Vec::len).sum::<usize>() + added <= ROOM {
        return Ok(streams);
    }
    let expected = "a small WebAssembly with instructions that pkg-template/decode.wat knows";
    Err(Failure::Invalid { what: "the package".to_owned(), expected })
}

/// What is still to be read.
struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    /// The bytes of a number in LEB128, and the number if it is not signed.
    fn number(&mut self) -> Option<(&'a [u8], usize)> {
        let length = self.bytes.iter().position(|byte| *byte < 0x80)? + 1;
        let bytes = self.take(length)?;
        let value = bytes
            .iter()
            .rev()
            .try_fold(0_usize, |value, byte| value.checked_mul(0x80).map(|value| value | usize::from(byte & 0x7F)));
        Some((bytes, value.unwrap_or(usize::MAX)))
    }
}

impl Streams {
    fn take_module(&mut self, input: &mut Input<'_>) -> Option<()> {
        self.rest.extend(input.take(MAGIC.len()).filter(|magic| *magic == MAGIC)?);
        while let [section, ..] = *input.bytes {
            self.rest.extend(input.take(1)?);
            let (bytes, size) = input.number()?;
            let contents = input.take(size)?;
            if section == CODE {
                self.added += SIZE;
                self.take_functions(&mut Input { bytes: contents })?;
            } else {
                self.rest.extend([bytes, contents].concat());
            }
        }
        Some(())
    }

    fn take_functions(&mut self, input: &mut Input<'_>) -> Option<()> {
        for _ in 0..self.take_number(input)? {
            let size = input.number()?.1;
            self.added += SIZE;
            let mut function = Input { bytes: input.take(size)? };
            for _ in 0..self.take_number(&mut function)? {
                self.take_numbers(2, &mut function)?;
            }
            while !function.bytes.is_empty() {
                self.take_instruction(&mut function)?;
            }
        }
        input.bytes.is_empty().then_some(())
    }

    fn take_instruction(&mut self, input: &mut Input<'_>) -> Option<()> {
        let instruction = input.take(1)?;
        self.rest.extend(instruction);
        match instruction[0] {
            // unreachable, nop, else, end, return, drop, select; comparisons and arithmetic.
            0x00 | 0x01 | 0x05 | 0x0B | 0x0F | 0x1A | 0x1B | 0x45..=0xC4 => {}
            // block, loop, if, br, br_if, call, global.get, global.set, memory.size, memory.grow, i64.const.
            0x02..=0x04 | 0x0C | 0x0D | 0x10 | 0x23 | 0x24 | 0x3F | 0x40 | 0x42 => self.take_numbers(1, input)?,
            // br_table: the last number is the default.
            0x0E => {
                let count = self.take_number(input)?;
                self.take_numbers(count + 1, input)?;
            }
            // call_indirect.
            0x11 => self.take_numbers(2, input)?,
            0x20..=0x22 => self.locals.extend(input.number()?.0),
            // Loads and stores: the alignment, which is only a hint, and the offset.
            0x28..=0x3E => {
                input.number()?;
                self.added += 1;
                self.offsets.extend(input.number()?.0);
            }
            0x41 => self.constants.extend(input.number()?.0),
            0x43 => self.rest.extend(input.take(4)?),
            0x44 => self.rest.extend(input.take(8)?),
            0xFC => match self.take_number(input)? {
                // Conversions of numbers.
                0..=7 => {}
                // memory.copy, memory.fill.
                10 => self.take_numbers(2, input)?,
                11 => self.take_numbers(1, input)?,
                _ => return None,
            },
            _ => return None,
        }
        Some(())
    }

    fn take_number(&mut self, input: &mut Input<'_>) -> Option<usize> {
        let (bytes, value) = input.number()?;
        self.rest.extend(bytes);
        Some(value)
    }

    fn take_numbers(&mut self, count: usize, input: &mut Input<'_>) -> Option<()> {
        (0..count).try_for_each(|_| self.take_number(input).map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::{ROOM, split};

    /// What is before the functions: the magic number, a section without contents, the id of the section.
    const BEFORE: &[u8] = b"\0asm\x01\0\0\0\x01\x01\0\x0A";
    /// The number of functions; the two variables of the function, and their type.
    const FUNCTION: &[u8] = &[1, 1, 2, 0x7F];

    /// A module with one function of these instructions.
    fn module(instructions: &[u8]) -> Vec<u8> {
        let size = u8::try_from(instructions.len()).expect("a short function");
        [BEFORE, &[size + 5], &FUNCTION[..1], &[size + 3], &FUNCTION[1..], instructions].concat()
    }

    #[test]
    fn numbers_of_one_meaning_are_together_and_sizes_and_alignments_are_left_out() {
        let wasm = module(&[0x20, 3, 0x28, 2, 16, 0x20, 4, 0x41, 0x89, 1, 0x0B]);
        let rest = [BEFORE, FUNCTION, &[0x20, 0x28, 0x20, 0x41, 0x0B]].concat();
        let streams = [rest, vec![16], vec![0x89, 1], vec![3, 4]];
        assert_eq!(split(&wasm).expect("known instructions"), streams);
    }

    #[test]
    fn every_known_instruction_has_its_length() {
        for instruction in [
            [0x04, 0x7F].as_slice(),
            &[0x0E, 2, 0, 1, 2],
            &[0x11, 1, 0],
            &[0x23, 0],
            &[0x42, 0x80, 0x80, 0],
            &[0x43, 0xFF, 0xFF, 0xFF, 0xFF],
            &[0x44, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            &[0xFC, 7],
            &[0xFC, 10, 0, 0],
            &[0xFC, 11, 0],
        ] {
            let instructions = [instruction, &[0x0B]].concat();
            let [rest, others @ ..] = split(&module(&instructions)).expect("a known instruction");
            assert_eq!(rest, [BEFORE, FUNCTION, &instructions].concat(), "{instruction:02X?}");
            assert!(others.iter().all(Vec::is_empty));
        }
    }

    #[test]
    fn what_decode_wat_does_not_know_is_refused() {
        assert!(split(b"no WebAssembly").is_err());
        assert!(split(&module(&[0xFD, 0, 0x0B])).is_err());
        assert!(split(&module(&[0xFC, 8, 0, 0, 0x0B])).is_err());
        let wasm = module(&[0x0B]);
        assert!(split(&wasm[..wasm.len() - 1]).is_err());
    }

    #[test]
    fn what_decode_wat_has_no_room_for_is_refused() {
        let section = |size: u32| {
            let size_bytes = [size as u8 | 0x80, (size >> 7) as u8 | 0x80, (size >> 14) as u8];
            [b"\0asm\x01\0\0\0\x01".as_slice(), &size_bytes, &vec![0; size as usize]].concat()
        };
        assert!(split(&section(ROOM as u32 - 12)).is_ok());
        assert!(split(&section(ROOM as u32 - 11)).is_err());
    }
}
