//! One vector: a list of numbers, or base64 of numbers with four bytes each, the lowest byte first.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::json::{Json, quoted};

/// The most digits of a number that is surely finite in four bytes: the largest such number has 39.
const FINITE: usize = 38;

/// A vector that was checked.
pub(super) struct Vector {
    /// How many numbers it has, at least one.
    pub(super) length: u64,
    /// All of them are 0.
    pub(super) is_zero: bool,
    /// Its JSON text, in the form that the client reads.
    pub(super) json: String,
}

impl Vector {
    /// Reads `value`, and writes it in base64 or as numbers. `None`, if it is empty, or has something that is no finite number.
    pub(super) fn read(value: Json<'_>, base64: bool) -> Option<Self> {
        let vector = match value.text() {
            Some(text) => Self::read_base64(&text, base64),
            None => Self::read_numbers(value, base64),
        };
        vector.filter(|vector| vector.length > 0)
    }

    fn read_base64(text: &str, base64: bool) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        let (numbers, []) = bytes.as_chunks::<4>() else { return None };
        let (mut is_zero, mut json) = (true, String::from("["));
        for bytes in numbers {
            let number = f32::from_le_bytes(*bytes);
            if !number.is_finite() {
                return None;
            }
            is_zero &= number == 0.0;
            if !base64 {
                json.extend([if json.len() > 1 { "," } else { "" }, &number.to_string()]);
            }
        }
        json.push(']');
        Some(Self { length: numbers.len() as u64, is_zero, json: if base64 { quoted(text) } else { json } })
    }

    fn read_numbers(value: Json<'_>, base64: bool) -> Option<Self> {
        let (mut length, mut is_zero, mut bytes) = (0, true, Vec::new());
        for item in value.items() {
            let digits = item.is_number().then(|| item.raw())?;
            // Without an exponent, a number of so few digits is finite.
            if base64 || digits.len() > FINITE || digits.contains(['e', 'E']) {
                let number = digits.parse::<f64>().ok()? as f32;
                if !number.is_finite() {
                    return None;
                }
                bytes.extend(number.to_le_bytes());
            }
            let is_digit = |digit: &u8| (b'1'..=b'9').contains(digit);
            is_zero = is_zero && !digits.bytes().take_while(|byte| !b"eE".contains(byte)).any(|digit| is_digit(&digit));
            length += 1;
        }
        let json = if base64 { quoted(&STANDARD.encode(&bytes)) } else { value.raw().into() };
        Some(Self { length, is_zero, json })
    }
}

#[cfg(test)]
mod tests {
    use super::Vector;
    use crate::json::Json;

    #[test]
    fn a_number_that_is_not_finite_in_four_bytes_is_refused_however_it_is_written() {
        let zeros = |count: usize| "0".repeat(count);
        for (number, is_finite) in [
            (format!("1{}", zeros(400)), false),
            (format!("-1{}", zeros(39)), false),
            (format!("4{}", zeros(38)), false),
            (format!("1{}.5", zeros(400)), false),
            ("1e39".into(), false),
            (format!("3{}", zeros(38)), true),
            (format!("0.{}1", zeros(400)), true),
            (format!("1.{}", zeros(60)), true),
        ] {
            for base64 in [false, true] {
                let vector = format!("[1,{number}]");
                let read = Vector::read(Json::parse(&vector).expect("JSON"), base64);
                assert_eq!(read.is_some(), is_finite, "{number}");
            }
        }
    }

    #[test]
    fn every_number_is_the_same_in_both_forms() {
        let mut seed = 7_u32;
        for _ in 0..5_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let number = f32::from_bits(seed);
            if !number.is_finite() {
                continue;
            }
            let written = format!("[{number},{number:e},0.25]");
            let base64 = Vector::read(Json::parse(&written).expect("JSON"), true).expect("a vector");
            let numbers = Vector::read(Json::parse(&base64.json).expect("JSON"), false).expect("a vector");
            let read: Vec<f32> = serde_json::from_str(&numbers.json).expect("numbers");
            assert_eq!(read, [number, number, 0.25], "{written}");
        }
    }
}
