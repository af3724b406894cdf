// What Swift does not vectorise, as static inline C over vectors that Swift imports as SIMD types.
// Every function that uses an instruction set has a portable twin; tests hold the two against each other.
// Nothing here reads memory that its caller did not name, keeps state, or rounds differently on another machine
// (the package compiles with -ffp-contract=off).
#ifndef SLUICE_CKERNELS_H
#define SLUICE_CKERNELS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#pragma clang diagnostic push
// Vectors pass between functions that are always inlined: how a machine without wide registers would pass them is moot.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float sluice_f2 __attribute__((ext_vector_type(2)));
typedef float sluice_f4 __attribute__((ext_vector_type(4)));
typedef float sluice_f8 __attribute__((ext_vector_type(8)));
typedef double sluice_d2 __attribute__((ext_vector_type(2)));
typedef double sluice_d4 __attribute__((ext_vector_type(4)));
typedef double sluice_d8 __attribute__((ext_vector_type(8)));
typedef uint32_t sluice_u8 __attribute__((ext_vector_type(8)));
typedef uint64_t sluice_w4 __attribute__((ext_vector_type(4)));
typedef uint64_t sluice_w8 __attribute__((ext_vector_type(8)));
typedef uint32_t sluice_u16 __attribute__((ext_vector_type(16)));
typedef uint16_t sluice_h32 __attribute__((ext_vector_type(32)));

// MARK: time

/// Swift asks for pointers here; this has none.
static inline uint64_t sluice_wall_clock_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// MARK: machine

/// Cores this process may run on.
int sluice_core_count(void);

/// Binds the calling thread to the first core this process may run on; 0 when it is.
int sluice_pin_to_first_core(void);

// MARK: memory

/// Fetches into the second-level cache: a line on its way to the first holds one of few places there, so text being parsed
/// meanwhile would wait (docs/SPEED.md, "Scoring in memory").
static inline __attribute__((always_inline)) void sluice_prefetch(const void *_Nonnull address) {
    __builtin_prefetch(address, 0, 2);
}

// MARK: text

/// One bit for each of 64 bytes: 1 where it is space, tab, line feed, carriage return, colon or bar.
static inline uint64_t sluice_delimiters64_portable(const uint8_t *_Nonnull bytes) {
    uint64_t mask = 0;
    for (int i = 0; i < 64; i++) {
        uint8_t b = bytes[i];
        uint64_t hit = b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == ':' || b == '|';
        mask |= hit << i;
    }
    return mask;
}

static inline __attribute__((always_inline)) uint64_t sluice_delimiters64(const uint8_t *_Nonnull bytes) {
#if defined(__AVX2__)
    // The table holds, at each low nibble, the one delimiter with that nibble; line feed shares its nibble with
    // colon and is compared apart. Bytes above 127 shuffle to 0 and never equal themselves.
    const __m256i table = _mm256_setr_epi8(
        ' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', ':', 0, '|', '\r', 0, 0,
        ' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', ':', 0, '|', '\r', 0, 0);
    const __m256i feed = _mm256_set1_epi8('\n');
    __m256i a = _mm256_loadu_si256((const __m256i *)bytes);
    __m256i b = _mm256_loadu_si256((const __m256i *)(bytes + 32));
    __m256i ha = _mm256_or_si256(_mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, a), a), _mm256_cmpeq_epi8(a, feed));
    __m256i hb = _mm256_or_si256(_mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, b), b), _mm256_cmpeq_epi8(b, feed));
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(ha) | (uint64_t)(uint32_t)_mm256_movemask_epi8(hb) << 32;
#else
    return sluice_delimiters64_portable(bytes);
#endif
}

/// One bit for each of 64 bytes: 1 where it is a line feed or one of three more bytes.
static inline uint64_t sluice_bytes64_portable(const uint8_t *_Nonnull bytes, uint8_t a, uint8_t b, uint8_t c) {
    uint64_t mask = 0;
    for (int i = 0; i < 64; i++) {
        uint64_t hit = bytes[i] == '\n' || bytes[i] == a || bytes[i] == b || bytes[i] == c;
        mask |= hit << i;
    }
    return mask;
}

static inline __attribute__((always_inline)) uint64_t sluice_bytes64(
    const uint8_t *_Nonnull bytes, uint8_t a, uint8_t b, uint8_t c
) {
#if defined(__AVX2__)
    const __m256i va = _mm256_set1_epi8((char)a), vb = _mm256_set1_epi8((char)b), vc = _mm256_set1_epi8((char)c);
    const __m256i feed = _mm256_set1_epi8('\n');
    uint64_t mask = 0;
    for (int half = 1; half >= 0; half--) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(bytes + 32 * half));
        __m256i hit = _mm256_or_si256(
            _mm256_or_si256(_mm256_cmpeq_epi8(v, va), _mm256_cmpeq_epi8(v, vb)),
            _mm256_or_si256(_mm256_cmpeq_epi8(v, vc), _mm256_cmpeq_epi8(v, feed)));
        mask = mask << 32 | (uint64_t)(uint32_t)_mm256_movemask_epi8(hit);
    }
    return mask;
#else
    return sluice_bytes64_portable(bytes, a, b, c);
#endif
}

/// One bit for each of 64 bytes: 1 where JSON's strings end or go on in another way: quote, backslash, below the space.
static inline uint64_t sluice_json64_portable(const uint8_t *_Nonnull bytes) {
    uint64_t mask = 0;
    for (int i = 0; i < 64; i++) {
        uint64_t hit = bytes[i] == '"' || bytes[i] == '\\' || bytes[i] < ' ';
        mask |= hit << i;
    }
    return mask;
}

static inline __attribute__((always_inline)) uint64_t sluice_json64(const uint8_t *_Nonnull bytes) {
#if defined(__AVX2__)
    const __m256i quote = _mm256_set1_epi8('"'), backslash = _mm256_set1_epi8('\\'), last = _mm256_set1_epi8(31);
    uint64_t mask = 0;
    for (int half = 1; half >= 0; half--) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(bytes + 32 * half));
        __m256i hit = _mm256_or_si256(
            _mm256_or_si256(_mm256_cmpeq_epi8(v, quote), _mm256_cmpeq_epi8(v, backslash)),
            _mm256_cmpeq_epi8(_mm256_max_epu8(v, last), last));
        mask = mask << 32 | (uint64_t)(uint32_t)_mm256_movemask_epi8(hit);
    }
    return mask;
#else
    return sluice_json64_portable(bytes);
#endif
}

/// 10^exponent, exact, for 0 ... 22.
static inline double sluice_power_of_ten(int exponent) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    return powers[exponent];
}

/// Eight bytes as a little-endian word.
static inline __attribute__((always_inline)) uint64_t sluice_load64(const uint8_t *_Nonnull bytes) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    return word;
}

static inline __attribute__((always_inline)) uint32_t sluice_load32(const uint8_t *_Nonnull bytes) {
    uint32_t word;
    memcpy(&word, bytes, 4);
    return word;
}

// MARK: hashing

static inline __attribute__((always_inline)) sluice_u8 sluice_murmur_mix8(sluice_u8 word) {
    sluice_u8 k = word * 0xcc9e2d51u;
    return ((k << 15) | (k >> 17)) * 0x1b873593u;
}

static inline __attribute__((always_inline)) sluice_u8 sluice_murmur_block8(sluice_u8 hash, sluice_u8 mixed) {
    sluice_u8 h = hash ^ mixed;
    return ((h << 13) | (h >> 19)) * 5u + 0xe6546b64u;
}

/// VW's hashes of eight names: MurmurHash3_x86_32, or with `numbers` the number itself plus the seed where a name is all
/// digits. Vector code of no instruction set in particular; a test holds it against the scalar hash.
///
/// `names` are eight words with up to 8 bytes each, first byte lowest, 0 behind the name; `counts` their byte counts.
/// Where a count is 0 the seed is the answer.
static inline __attribute__((always_inline)) sluice_u8 sluice_hash_names8(
    const uint64_t *_Nonnull names, const uint32_t *_Nonnull counts, sluice_u8 seeds, bool numbers
) {
    sluice_w8 name;
    sluice_u8 count;
    memcpy(&name, names, sizeof name);
    memcpy(&count, counts, sizeof count);
    sluice_u16 halves = (sluice_u16)name;
    sluice_u8 low = halves.even, high = halves.odd;
    // Whole words are blocks, what is left is the tail; a tail of 0 changes nothing.
    sluice_u8 mixed_low = sluice_murmur_mix8(low), mixed_high = sluice_murmur_mix8(high);
    sluice_u8 one = sluice_murmur_block8(seeds, mixed_low), two = sluice_murmur_block8(one, mixed_high);
    sluice_u8 h = count < 4 ? seeds ^ mixed_low : count < 8 ? one ^ mixed_high : two;
    h ^= count;
    h = (h ^ (h >> 16)) * 0x85ebca6bu;
    h = (h ^ (h >> 13)) * 0xc2b2ae35u;
    h ^= h >> 16;
    if (numbers) {
        // Bytes minus '0', the last digit moved to the top; the bytes below the first are 0, as if there were zeros in front.
        sluice_w8 shift = 64 - 8 * __builtin_convertvector(count, sluice_w8);
        shift &= 63;  // A count of 0 would shift by 64; its lane is not used.
        sluice_w8 digits = name ^ ((sluice_w8)0x3030303030303030u >> shift);
        sluice_u16 beyond = (sluice_u16)(((digits + 0x7676767676767676u) | digits) & 0x8080808080808080u);
        sluice_h32 bytes = (sluice_h32)(digits << shift);
        sluice_u16 pairs = (sluice_u16)((bytes & 0xff) * 10 + (bytes >> 8));
        sluice_u16 fours = (pairs & 0xffff) * 100 + (pairs >> 16);
        sluice_u8 number = fours.even * 10000 + fours.odd + seeds;
        h = (beyond.even | beyond.odd) == 0 ? number : h;
    }
    return count == 0 ? seeds : h;
}

// MARK: arithmetic of eight features

static inline __attribute__((always_inline)) sluice_f8 sluice_sqrt8(sluice_f8 v) { return __builtin_elementwise_sqrt(v); }
static inline __attribute__((always_inline)) sluice_f8 sluice_max8(sluice_f8 a, sluice_f8 b) {
    return a > b ? a : b;
}
static inline __attribute__((always_inline)) sluice_u8 sluice_max_u8(sluice_u8 a, sluice_u8 b) {
    return a > b ? a : b;
}
static inline __attribute__((always_inline)) sluice_f8 sluice_abs8(sluice_f8 v) { return __builtin_elementwise_abs(v); }
static inline __attribute__((always_inline)) sluice_f8 sluice_copysign8(sluice_f8 magnitude, sluice_f8 sign) {
    return __builtin_elementwise_copysign(magnitude, sign);
}

/// Adds eight quantised products to a running sum: each w·x is exact in double, NaN becomes 0, the rest is clamped to
/// ±512 and rounded to a multiple of 2^-32. Sums of up to 4096 such terms are exact, so they have no order.
static inline __attribute__((always_inline)) sluice_d8 sluice_add_margin8(sluice_d8 sum, sluice_f8 w, sluice_f8 x) {
    const double anchor = 1572864.0;  // 1.5 * 2^20: one unit in the last place is 2^-32 around it
    sluice_d8 p = __builtin_convertvector(w, sluice_d8) * __builtin_convertvector(x, sluice_d8);
#if defined(__AVX2__)
    // The same in four instructions a half; the compiler makes compares and blends of the lines below.
    const __m256d limit = _mm256_set1_pd(512.0), low_limit = _mm256_set1_pd(-512.0);
    __m256d a = __builtin_shufflevector(p, p, 0, 1, 2, 3), b = __builtin_shufflevector(p, p, 4, 5, 6, 7);
    a = _mm256_and_pd(a, _mm256_cmp_pd(a, a, _CMP_ORD_Q));
    b = _mm256_and_pd(b, _mm256_cmp_pd(b, b, _CMP_ORD_Q));
    a = _mm256_max_pd(_mm256_min_pd(a, limit), low_limit);
    b = _mm256_max_pd(_mm256_min_pd(b, limit), low_limit);
    p = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
#else
    p = p == p ? p : (sluice_d8)0.0;
    p = p > 512.0 ? (sluice_d8)512.0 : p;
    p = p < -512.0 ? (sluice_d8)-512.0 : p;
#endif
    return sum + ((p + anchor) - anchor);
}

/// The sum of the eight; exact, as above, so its order does not matter.
static inline __attribute__((always_inline)) double sluice_sum8(sluice_d8 v) {
    sluice_d4 four = __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
    sluice_d2 two = __builtin_shufflevector(four, four, 0, 1) + __builtin_shufflevector(four, four, 2, 3);
    return two[0] + two[1];
}

static inline __attribute__((always_inline)) bool sluice_any_above8(sluice_f8 v, float limit) {
    return __builtin_reduce_or(v > limit) != 0;
}

// MARK: lanes

/// The first `count` lanes of `v`; the others from `padding`. Swift compares vectors lane by lane through memory.
static inline __attribute__((always_inline)) sluice_u8 sluice_first_indices8(sluice_u8 v, sluice_u8 padding, uint32_t count) {
    const sluice_u8 lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    sluice_u8 keep = (sluice_u8)(lanes < (sluice_u8)count);
    return (v & keep) | (padding & ~keep);
}

/// The first `count` lanes of `v`; the others 0.
static inline __attribute__((always_inline)) sluice_f8 sluice_first_values8(sluice_f8 v, uint32_t count) {
    const sluice_u8 lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    sluice_u8 keep = (sluice_u8)(lanes < (sluice_u8)count);
    return (sluice_f8)((sluice_u8)v & keep);
}

// MARK: rows

/// Whether two of eight indices are equal. Cyclic distances 1 to 4 cover every pair.
static inline __attribute__((always_inline)) bool sluice_has_repeat8(sluice_u8 v) {
    sluice_u8 a = __builtin_shufflevector(v, v, 1, 2, 3, 4, 5, 6, 7, 0);
    sluice_u8 b = __builtin_shufflevector(v, v, 2, 3, 4, 5, 6, 7, 0, 1);
    sluice_u8 c = __builtin_shufflevector(v, v, 3, 4, 5, 6, 7, 0, 1, 2);
    sluice_u8 d = __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
    return __builtin_reduce_or((v == a) | (v == b) | (v == c) | (v == d)) != 0;
}

/// Eight rows of two floats each, turned into two columns. Swift does not import a struct of vectors, so it asks for the
/// columns one by one; both inline to one load of each row.
typedef struct {
    sluice_f8 first, second;
} sluice_rows8;

static inline __attribute__((always_inline)) sluice_rows8 sluice_load_rows8(const float *_Nonnull table, sluice_u8 v) {
    sluice_f2 r[8];
    for (int i = 0; i < 8; i++) memcpy(&r[i], table + 2 * (size_t)v[i], 8);
    sluice_f4 a = __builtin_shufflevector(r[0], r[1], 0, 1, 2, 3), b = __builtin_shufflevector(r[2], r[3], 0, 1, 2, 3);
    sluice_f4 c = __builtin_shufflevector(r[4], r[5], 0, 1, 2, 3), d = __builtin_shufflevector(r[6], r[7], 0, 1, 2, 3);
    sluice_rows8 rows;
    sluice_f8 low = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
    sluice_f8 high = __builtin_shufflevector(c, d, 0, 1, 2, 3, 4, 5, 6, 7);
    rows.first = __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14);
    rows.second = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15);
    return rows;
}

static inline __attribute__((always_inline)) sluice_f8 sluice_first8(const float *_Nonnull table, sluice_u8 v) {
    return sluice_load_rows8(table, v).first;
}

static inline __attribute__((always_inline)) sluice_f8 sluice_second8(const float *_Nonnull table, sluice_u8 v) {
    return sluice_load_rows8(table, v).second;
}

static inline __attribute__((always_inline)) void sluice_store_rows8(
    float *_Nonnull table, sluice_u8 v, sluice_f8 first, sluice_f8 second
) {
    // A row travels as one word: taken out as two floats, the compiler would split all arithmetic that made them into
    // scalars, eight divisions for one.
    sluice_w4 low = (sluice_w4)__builtin_shufflevector(first, second, 0, 8, 1, 9, 2, 10, 3, 11);
    sluice_w4 high = (sluice_w4)__builtin_shufflevector(first, second, 4, 12, 5, 13, 6, 14, 7, 15);
    for (int i = 0; i < 4; i++) {
        uint64_t row = low[i];
        memcpy(table + 2 * (size_t)v[i], &row, 8);
    }
    for (int i = 0; i < 4; i++) {
        uint64_t row = high[i];
        memcpy(table + 2 * (size_t)v[4 + i], &row, 8);
    }
}

static inline __attribute__((always_inline)) sluice_f8 sluice_gather8(const float *_Nonnull table, sluice_u8 v) {
    return (sluice_f8){table[v[0]], table[v[1]], table[v[2]], table[v[3]],
                       table[v[4]], table[v[5]], table[v[6]], table[v[7]]};
}

/// Eight of the numbers at `floats`, those at eight places.
static inline __attribute__((always_inline)) sluice_f8 sluice_floats8(const void *_Nonnull floats, sluice_u8 places) {
    float v[8];
    for (int i = 0; i < 8; i++) memcpy(&v[i], (const char *)floats + 4 * (size_t)places[i], 4);
    return (sluice_f8){v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]};
}

/// The table's entries at eight of the indices at `indices`, those at eight places.
static inline __attribute__((always_inline)) sluice_f8 sluice_gather_at8(
    const float *_Nonnull table, const void *_Nonnull indices, sluice_u8 places
) {
    float w[8];
    for (int i = 0; i < 8; i++) {
        uint32_t index;
        memcpy(&index, (const char *)indices + 4 * (size_t)places[i], 4);
        w[i] = table[index];
    }
    return (sluice_f8){w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]};
}

static inline __attribute__((always_inline)) uint32_t sluice_least8(sluice_u8 v) { return __builtin_reduce_min(v); }
static inline __attribute__((always_inline)) uint32_t sluice_most8(sluice_u8 v) { return __builtin_reduce_max(v); }

static inline __attribute__((always_inline)) void sluice_scatter8(float *_Nonnull table, sluice_u8 v, sluice_f8 values) {
    for (int i = 0; i < 8; i++) table[v[i]] = values[i];
}

static inline __attribute__((always_inline)) sluice_d8 sluice_doubles8(sluice_f8 v) {
    return __builtin_convertvector(v, sluice_d8);
}

/// 1 / v, and 0 where v is below the smallest normal number.
static inline __attribute__((always_inline)) sluice_f8 sluice_reciprocal_or_zero8(sluice_f8 v) {
    sluice_f8 quotient = 1.0f / v;
    return v >= 0x1p-126f ? quotient : (sluice_f8)0.0f;
}

// MARK: checksums

/// The CRC-32C register after the low `bit_count` bits of `value`, lowest first. The portable twin of the two below.
static inline uint32_t sluice_crc32c_bits(uint32_t crc, uint64_t value, int bit_count) {
    for (int i = 0; i < bit_count; i++) {
        uint32_t low = (crc ^ (uint32_t)(value >> i)) & 1u;
        crc = (crc >> 1) ^ (low ? 0x82F63B78u : 0u); // Castagnoli's polynomial, reflected
    }
    return crc;
}

/// The CRC-32C register after eight bytes.
static inline uint32_t sluice_crc32c_u64(uint32_t crc, uint64_t value) {
#if defined(__SSE4_2__)
    return (uint32_t)__builtin_ia32_crc32di(crc, value);
#elif defined(__ARM_FEATURE_CRC32)
    return __builtin_arm_crc32cd(crc, value);
#else
    return sluice_crc32c_bits(crc, value, 64);
#endif
}

/// The CRC-32C register after one byte.
static inline uint32_t sluice_crc32c_u8(uint32_t crc, uint8_t value) {
#if defined(__SSE4_2__)
    return __builtin_ia32_crc32qi(crc, value);
#elif defined(__ARM_FEATURE_CRC32)
    return __builtin_arm_crc32cb(crc, value);
#else
    return sluice_crc32c_bits(crc, value, 8);
#endif
}

#pragma clang diagnostic pop

#endif
