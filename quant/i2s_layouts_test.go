package quant

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The three layouts of 4 rows of 128 weights, code (row + column) mod 3,
// computed by hand from the formulas of docs/formats/i2_s.md. Layout A: byte 0
// of row 0 holds columns 0, 32, 64 and 96, codes 0, 2, 1, 0: 00 10 01 00. B:
// columns 0, 16, 32 and 48, codes 0, 1, 2, 0: 00 01 10 00. C: column 0 of the
// rows 0 to 3, codes 0, 1, 2, 0: 00 01 10 00.
func TestI2SLayouts(t *testing.T) {
	const rows, cols = 4, 128
	codes := make([]byte, rows*cols)
	for r := range rows {
		for c := range cols {
			codes[r*cols+c] = byte((r + c) % 3)
		}
	}
	tests := []struct {
		typ    Type
		letter string // on the page
		first  string // bytes at the start of the tensor
		at     int
		later  string // bytes at another place
	}{
		{I2_S, "A", "244992", 32, "499224"},       // row 1: codes 1, 0, 2, 1
		{I2_S_64x16, "B", "186186", 16, "618618"}, // columns 64, 80, 96, 112: codes 1, 2, 0, 1
		{I2_S_4ROWS, "C", "186186", 127, "61"},    // column 127: codes 1, 2, 0, 1
	}
	for _, tt := range tests {
		t.Run(tt.typ.String(), func(t *testing.T) {
			c := lookup(t, tt.typ)
			if size, err := c.Size(rows, cols); err != nil || size != rows*cols/4+32 {
				t.Fatalf("size %d, %v", size, err)
			}
			in := codes
			if c.Interleave > 1 {
				in = make([]byte, len(codes))
				for i := range in { // columns first
					in[i] = codes[i%rows*cols+i/rows]
				}
			}
			packed := pack(t, c, in, 1)
			row := fmt.Sprintf("\n| %s | `% x` |", tt.letter, unhex(t, tt.first))
			if !strings.Contains(page(t, "i2_s.md"), row) {
				t.Errorf("the page has no row %q", row)
			}
			if want := unhex(t, tt.first); !bytes.HasPrefix(packed, want) {
				t.Errorf("starts with % x, want % x", packed[:len(want)], want)
			}
			if want := unhex(t, tt.later); !bytes.HasPrefix(packed[tt.at:], want) {
				t.Errorf("byte %d on: % x, want % x", tt.at, packed[tt.at:][:len(want)], want)
			}
			back := make([]byte, len(codes))
			c.RowMajor(back, unpack(t, c, packed), cols)
			if diff := cmp.Diff(codes, back); diff != "" {
				t.Errorf("codes (-in +out):\n%s", diff)
			}
		})
	}
}

// The formula of layout B for any weight, and of layout C for any row and
// column, written out over random codes.
func TestI2SLayoutFormulas(t *testing.T) {
	const rows, cols = 8, 192
	codes := randomCodes(rows*cols, 11)
	b := pack(t, lookup(t, I2_S_64x16), codes, 1)
	cols4 := make([]byte, len(codes))
	for i := range cols4 {
		g, in := i/(4*cols), i%(4*cols)
		cols4[i] = codes[(4*g+in%4)*cols+in/4]
	}
	c := pack(t, lookup(t, I2_S_4ROWS), cols4, 1)
	for e, want := range codes {
		if got := b[16*(e/64)+e%16] >> (6 - 2*(e%64/16)) & 3; got != want {
			t.Fatalf("64x16: weight %d: code %d, want %d", e, got, want)
		}
		row, col := e/cols, e%cols
		if got := c[row/4*cols+col] >> (6 - 2*(row%4)) & 3; got != want {
			t.Fatalf("4 rows: row %d, column %d: code %d, want %d", row, col, got, want)
		}
	}
}

func TestI2SLayoutShapes(t *testing.T) {
	tests := []struct {
		typ        Type
		rows, cols int64
		size       int64 // 0: refused
	}{
		{I2_S_64x16, 1, 64, 48},
		{I2_S_64x16, 3, 192, 176},
		{I2_S_64x16, 4, 96, 0},
		{I2_S_4ROWS, 4, 128, 160},
		{I2_S_4ROWS, 8, 3, 38},
		{I2_S_4ROWS, 6, 128, 0},
		{I2_S_4ROWS, 1 << 62, 1 << 62, 0},
		{I2_S_4ROWS, 0, 128, 0},
	}
	for _, tt := range tests {
		size, err := lookup(t, tt.typ).Size(tt.rows, tt.cols)
		if size != tt.size && tt.size != 0 || (err == nil) != (tt.size != 0) || err != nil && !errors.Is(err, ErrShape) {
			t.Errorf("%s of %d x %d: %d bytes, %v, want %d", tt.typ, tt.rows, tt.cols, size, err, tt.size)
		}
	}
}

// A layout is no property of the bytes: those of one decode as another, to
// other codes, and code 3 is found in all alike.
func TestI2SLayoutsCannotBeTold(t *testing.T) {
	codes := randomCodes(4*128, 12)
	packed := pack(t, lookup(t, I2_S), codes, 1)
	for _, typ := range []Type{I2_S_64x16, I2_S_4ROWS} {
		c := lookup(t, typ)
		if bytes.Equal(unpack(t, c, packed), codes) {
			t.Errorf("%s reads the codes of I2_S", typ)
		}
		bad := bytes.Clone(packed)
		bad[77] |= 0x0c
		for _, u := range []Codec{c, lookup(t, I2_S)} {
			if err := u.UnpackTrits(make([]byte, len(codes)), bad); !errors.Is(err, ErrCode) {
				t.Errorf("%s: %v, want ErrCode", u.Name, err)
			}
		}
	}
}
