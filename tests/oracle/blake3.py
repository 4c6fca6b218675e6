"""BLAKE3 in its `derive_key` mode, as the BLAKE3 specification has it; slow, and short enough to be read beside it."""
import struct

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT, CONTEXT, MATERIAL = 1, 2, 4, 8, 32, 64
MASK = 0xFFFFFFFF
# Which four words of the state a quarter round mixes: columns, then diagonals.
QUARTERS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
            (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))

def rotate(word, right):
    return (word >> right | word << 32 - right) & MASK

def compress(value, words, counter, length, flags):
    """One block of 16 words into a chaining value of 8: the 16 words of the new state."""
    v = [*value, *IV[:4], counter & MASK, counter >> 32, length, flags]
    for _ in range(7):
        for (a, b, c, d), first, second in zip(QUARTERS, words[0::2], words[1::2]):
            for word, right, then in ((first, 16, 12), (second, 8, 7)):
                v[a] = (v[a] + v[b] + word) & MASK
                v[d] = rotate(v[d] ^ v[a], right)
                v[c] = (v[c] + v[d]) & MASK
                v[b] = rotate(v[b] ^ v[c], then)
        words = [words[i] for i in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)] + [v[i + 8] ^ value[i] for i in range(8)]

def chunk(key, data, number, flags):
    """At most 1,024 bytes up to their last block: the arguments of the compression that ends them."""
    blocks = [data[i:i + 64] for i in range(0, len(data), 64)] or [b""]
    value = key
    for i, block in enumerate(blocks):
        words = struct.unpack("<16I", block.ljust(64, b"\0"))
        marks = flags | (CHUNK_START if i == 0 else 0) | (CHUNK_END if i == len(blocks) - 1 else 0)
        end = (value, words, number, len(block), marks)
        if i < len(blocks) - 1:
            value = compress(*end)[:8]
    return end

def tree(key, data, number, flags):
    """The same for any length: chunks, of which the left part is the largest power of two that leaves a rest."""
    if len(data) <= 1024:
        return chunk(key, data, number, flags)
    left = 1 << ((len(data) - 1) // 1024).bit_length() - 1
    halves = (data[:left * 1024], number), (data[left * 1024:], number + left)
    words = [word for part, first in halves for word in compress(*tree(key, part, first, flags))[:8]]
    return key, words, 0, 64, flags | PARENT

def output(key, data, length, flags):
    value, words, _, block, marks = tree(key, data, 0, flags)
    blocks = (compress(value, words, counter, block, marks | ROOT) for counter in range((length + 63) // 64))
    return b"".join(struct.pack("<16I", *block) for block in blocks)[:length]

def derive_key(context, material, length=32):
    """The hash of `material` under the context string, of any length (XOF)."""
    key = struct.unpack("<8I", output(IV, context.encode(), 32, CONTEXT))
    return output(key, material, length, MATERIAL)
