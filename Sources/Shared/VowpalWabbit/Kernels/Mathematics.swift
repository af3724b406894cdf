internal import Glibc

func logarithm(_ value: Float) -> Float { logf(value) }
func power(_ base: Float, _ exponent: Float) -> Float { powf(base, exponent) }
func exponential(_ value: Float) -> Float { expf(value) }
