#pragma once
#include <stddef.h>

/// JPEG (libjpeg-turbo) and PNG (libpng) decoding behind calls that never jump, print or allocate the pixels.

#ifdef __cplusplus
extern "C" {
#endif

/// Bytes of a message, its final zero included.
enum { tare_image_message_size = 200 };

/// What the header of an image says.
typedef struct {
    int width;
    int height;
    /// 1 grey, 3 RGB, 4 CMYK (as stored: Adobe's files hold it inverted).
    int channels;
} tare_image_info;

/// Reads the header of a JPEG file. Returns 0, or -1 with a message.
int tare_jpeg_info(const unsigned char *bytes, size_t size, tare_image_info *info, char *message);

/// Decodes a JPEG file whose header is `info` into height * width * channels bytes, interleaved, top row first.
/// Every warning of the library (a premature end above all) is an error. Returns 0, or -1 with a message.
int tare_jpeg_decode(
    const unsigned char *bytes, size_t size, const tare_image_info *info, unsigned char *pixels, char *message);

/// Reads the header of a PNG file: 1 channel for grey (with or without alpha), 3 otherwise. Returns 0, or -1 with a message.
int tare_png_info(const unsigned char *bytes, size_t size, tare_image_info *info, char *message);

/// Decodes a PNG file whose header is `info` into height * width * channels bytes, interleaved, top row first: palettes are
/// looked up, 1, 2 and 4 bits are widened to 0...255, of 16 bits the upper 8 are kept, alpha is dropped, no gamma is applied.
/// Returns 0, or -1 with a message.
int tare_png_decode(
    const unsigned char *bytes, size_t size, const tare_image_info *info, unsigned char *pixels, char *message);

#ifdef __cplusplus
}
#endif
