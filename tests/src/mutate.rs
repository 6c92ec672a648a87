//! Damage to bytes, as a fuzzer does it but the same on every run: so that the fuzz bodies are worth
//! something as plain tests too.

use crate::random::Random;

/// What an input may grow to by mutation.
const INPUT_BYTES_MAX: usize = 1 << 16;
/// Bytes that parsers and decoders care about.
const TELLING: [u8; 24] = [
    b'\n', b'\r', b'\t', b' ', b'"', b'\\', b'{', b'}', b'[', b']', b'<', b'>', b'=', b':', b'-', b'0', b'9',
    b'Z', 0x00, 0x7f, 0x80, 0xc3, 0xff, 0x1f,
];

/// `input` with one to eight pieces of damage.
pub fn mutate(input: &[u8], others: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(8) {
        damage(&mut bytes, others, random);
    }
    bytes.truncate(INPUT_BYTES_MAX);
    bytes
}

fn damage(bytes: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    let (at, length) = (random.below(bytes.len() as u64 + 1) as usize, 1 + random.below(32) as usize);
    let end = (at + length).min(bytes.len());
    match random.below(8) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => bytes.insert(at, *random.pick(&TELLING)),
        3 => bytes[at..end].iter_mut().for_each(|byte| *byte = random.bits() as u8),
        4 => {
            let copy = bytes[at..end].to_vec();
            let to = random.below(bytes.len() as u64 + 1) as usize;
            bytes.splice(to..to, copy);
        }
        5 if !others.is_empty() => {
            let other = random.pick(others);
            let from = random.below(other.len() as u64 + 1) as usize;
            bytes.splice(at.., other[from..].iter().copied());
        }
        6 if at < bytes.len() => bytes[at] = *random.pick(&TELLING),
        _ if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        _ => {}
    }
}
