package kernels

import "math"

// RopeStep gives by how much the angle shrinks from one pair of a head of
// width dim to the next: base^(-2/dim).
func RopeStep(base float32, dim int) float32 {
	return float32(math.Pow(float64(base), float64(-2/float32(dim))))
}

// RopeAngles fills cos and sin for the len(cos) pairs of a head at position
// pos. The angle of the first pair is pos, each further one is the float32
// product of the one before and step (ggml_rope_cache_init of bitnet.cpp's
// ggml.c, 0f0e7dae): the error grows with the pair, and is part of what models
// are run with. divisors, if not nil, divide the angle of their pair after
// that.
func RopeAngles(cos, sin []float32, pos int, step float32, divisors []float32) {
	theta := float32(pos)
	for i := range cos {
		angle := theta
		if divisors != nil {
			angle /= divisors[i]
		}
		s, c := math.Sincos(float64(angle))
		cos[i], sin[i] = float32(c), float32(s)
		theta *= step
	}
}

// RopePairs rotates the pairs (2i, 2i+1), as GGUF files of arch llama have
// them.
func RopePairs(x, cos, sin []float32) {
	for i, c := range cos[:len(x)/2] {
		x[2*i], x[2*i+1] = turn(x[2*i], x[2*i+1], c, sin[i])
	}
}

func rotate(a, b, cos, sin []float32) {
	for i, c := range cos {
		a[i], b[i] = turn(a[i], b[i], c, sin[i])
	}
}

func turn(a, b, c, s float32) (float32, float32) {
	return float32(a*c) - float32(b*s), float32(a*s) + float32(b*c)
}
