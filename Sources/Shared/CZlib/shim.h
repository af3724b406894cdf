#ifndef SLUICE_CZLIB_SHIM_H
#define SLUICE_CZLIB_SHIM_H

#include <zlib.h>

/// A macro in zlib's header, which Swift does not import. 15 is the largest window; 16 more means gzip and nothing else.
static inline int sluice_inflate_init_gzip(z_stream *stream) { return inflateInit2(stream, 15 + 16); }

#endif
