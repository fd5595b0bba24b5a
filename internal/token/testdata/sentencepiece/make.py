"""Makes tokenizer.model, a SentencePiece BPE model with byte fallback, from the
text below (King James Bible, Genesis 1): python3 make.py > tokenizer.model. With
the argument "user" there are user-defined pieces, and no space is put before a
text, as in Gemma's: python3 make.py user > user.model. The format is
google/sentencepiece src/sentencepiece_model.proto. What the library makes of texts
with them is in cases.json and user.json: see cases.mjs."""
import collections, struct, sys

TEXT = """In the beginning God created the heaven and the earth. And the earth was
without form, and void; and darkness was upon the face of the deep. And the
Spirit of God moved upon the face of the waters. And God said, Let there be
light: and there was light. And God saw the light, that it was good: and God
divided the light from the darkness. And God called the light Day, and the
darkness he called Night. And the evening and the morning were the first day.
And God said, Let there be a firmament in the midst of the waters, and let it
divide the waters from the waters."""
SPACE = "\u2581"


def train(words, n):
    words = collections.Counter(tuple(SPACE + w) for w in words)
    for _ in range(n):
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        best = max(pairs, key=lambda p: (pairs[p], p))
        yield "".join(best)
        merged = collections.Counter()
        for word, count in words.items():
            out = []
            for c in word:
                if out and (out[-1], c) == best:
                    out[-1] += c
                else:
                    out.append(c)
            merged[tuple(out)] += count
        words = merged


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def number(field, n): return varint(field << 3) + varint(n)
def message(field, b): return varint(field << 3 | 2) + varint(len(b)) + b


NORMAL, UNKNOWN, CONTROL, USER, BYTE = 1, 2, 3, 4, 6
pieces = [("<unk>", 0, UNKNOWN), ("<s>", 0, CONTROL), ("</s>", 0, CONTROL)]
pieces += [("<0x%02X>" % b, 0, BYTE) for b in range(256)]
merges = list(train(TEXT.split(), 150)) + [SPACE * 2, SPACE * 4, "\u00e9t\u00e9", "11"]
merges = list(dict.fromkeys(merges))
chars = [SPACE] + sorted(set(TEXT.replace(" ", "").replace("\n", "")) | set("0123456789\u00e9t\u6f22\u5b57"))
pieces += [(m, -i, NORMAL) for i, m in enumerate(merges)]
# Two pieces of one score: the leftmost of both is merged first. Pieces that
# overlap: the one of the higher score is merged first.
pieces += [("xy", -500, NORMAL), ("yx", -500, NORMAL)]
pieces += [("34", -9.5, NORMAL), ("45", -4.5, NORMAL), ("67", -600, NORMAL), ("78", -550, NORMAL), ("89", -560, NORMAL)]
pieces += [(c, -1000 - i, NORMAL) for i, c in enumerate(dict.fromkeys(chars + ["x", "y"]))]
user = sys.argv[1:] == ["user"]
if user:
    pieces += [(c, -2000, USER) for c in ["\n\n", "\n\n\n", SPACE * 2 + SPACE, "<b>", "be" + SPACE + "light"]]
model = b""
for text, score, kind in pieces:
    piece = message(1, text.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score)
    model += message(1, piece + (number(3, kind) if kind != NORMAL else b""))
trainer = number(3, 2) + number(4, len(pieces)) + number(35, 1) + number(43, -1)
normalizer = message(1, b"identity") + number(3, 0 if user else 1) + number(4, 0) + number(5, 1)
sys.stdout.buffer.write(model + message(2, trainer) + message(3, normalizer))
