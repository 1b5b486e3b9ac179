#include "include/CImages.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// A PNG file in memory, and how much of it was read.
typedef struct {
    const unsigned char *bytes;
    size_t size;
    size_t position;
    char *message;
} reader;

static void on_error(png_structp png, png_const_charp text) {
    reader *source = png_get_error_ptr(png);
    snprintf(source->message, tare_image_message_size, "%s", text);
    png_longjmp(png, 1);
}

// Warnings concern colour profiles and text chunks; nothing that changes a pixel.
static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep target, size_t count) {
    reader *source = png_get_io_ptr(png);
    if (count > source->size - source->position) png_error(png, "the file ends too early");
    memcpy(target, source->bytes + source->position, count);
    source->position += count;
}

static png_structp open_reader(reader *source, png_infop *info) {
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, source, on_error, on_warning);
    if (!png) return NULL;
    *info = png_create_info_struct(png);
    if (!*info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return NULL;
    }
    png_set_read_fn(png, source, on_read);
    return png;
}

int tare_png_info(const unsigned char *bytes, size_t size, tare_image_info *info, char *message) {
    reader source = {bytes, size, 0, message};
    png_infop header = NULL;
    png_structp png = open_reader(&source, &header);
    if (!png) {
        snprintf(message, tare_image_message_size, "out of memory");
        return -1;
    }
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &header, NULL);
        return -1;
    }
    png_read_info(png, header);
    info->width = (int)png_get_image_width(png, header);
    info->height = (int)png_get_image_height(png, header);
    info->channels = (png_get_color_type(png, header) & PNG_COLOR_MASK_COLOR) ? 3 : 1;
    png_destroy_read_struct(&png, &header, NULL);
    return 0;
}

/// Asks for 8-bit grey or RGB without alpha, in all rows.
static void set_transforms(png_structp png, png_infop header) {
    int color = png_get_color_type(png, header);
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (color == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, header) < 8) png_set_expand_gray_1_2_4_to_8(png);
    png_set_strip_16(png);
    // Looking up a palette with transparent entries makes alpha too.
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, header);
}

int tare_png_decode(
    const unsigned char *bytes, size_t size, const tare_image_info *info, unsigned char *pixels, char *message) {
    reader source = {bytes, size, 0, message};
    png_infop header = NULL;
    png_structp png = open_reader(&source, &header);
    // Allocated before setjmp, so that its value is defined after a jump.
    png_bytep *const rows = malloc((size_t)info->height * sizeof(png_bytep));
    if (!png || !rows) {
        snprintf(message, tare_image_message_size, "out of memory");
        if (png) png_destroy_read_struct(&png, &header, NULL);
        free(rows);
        return -1;
    }
    if (setjmp(png_jmpbuf(png))) {
        png_destroy_read_struct(&png, &header, NULL);
        free(rows);
        return -1;
    }
    png_read_info(png, header);
    set_transforms(png, header);
    size_t row_size = (size_t)info->width * (size_t)info->channels;
    if (png_get_rowbytes(png, header) != row_size || png_get_image_height(png, header) != (png_uint_32)info->height) {
        png_error(png, "the header contradicts itself");
    }
    for (int row = 0; row < info->height; row++) rows[row] = pixels + (size_t)row * row_size;
    png_read_image(png, rows);
    png_read_end(png, NULL);
    png_destroy_read_struct(&png, &header, NULL);
    free(rows);
    return 0;
}
