#include "include/CImages.h"

#include <stdio.h>
#include <turbojpeg.h>

static int failure(tjhandle handle, char *message) {
    snprintf(message, tare_image_message_size, "%s", tjGetErrorStr2(handle));
    if (handle) tjDestroy(handle);
    return -1;
}

static int read_header(
    tjhandle handle, const unsigned char *bytes, size_t size, tare_image_info *info, char *message) {
    int subsampling = 0, colorspace = 0;
    *info = (tare_image_info){0, 0, 0};
    if (tjDecompressHeader3(
            handle, bytes, (unsigned long)size, &info->width, &info->height, &subsampling, &colorspace) != 0) {
        return -1;
    }
    // A file of tables alone is no error to the library; it then sets nothing.
    if (info->width < 1 || info->height < 1) {
        snprintf(message, tare_image_message_size, "it holds tables, but no picture");
        return 1;
    }
    switch (colorspace) {
    case TJCS_GRAY: info->channels = 1; return 0;
    case TJCS_RGB:
    case TJCS_YCbCr: info->channels = 3; return 0;
    case TJCS_CMYK:
    case TJCS_YCCK: info->channels = 4; return 0;
    default: snprintf(message, tare_image_message_size, "color space %d is unknown", colorspace); return 1;
    }
}

int tare_jpeg_info(const unsigned char *bytes, size_t size, tare_image_info *info, char *message) {
    tjhandle handle = tjInitDecompress();
    if (!handle) return failure(handle, message);
    int status = read_header(handle, bytes, size, info, message);
    if (status < 0) return failure(handle, message);
    tjDestroy(handle);
    return status == 0 ? 0 : -1;
}

int tare_jpeg_decode(
    const unsigned char *bytes, size_t size, const tare_image_info *info, unsigned char *pixels, char *message) {
    tjhandle handle = tjInitDecompress();
    if (!handle) return failure(handle, message);
    int format = info->channels == 1 ? TJPF_GRAY : info->channels == 3 ? TJPF_RGB : TJPF_CMYK;
    // The accurate transform and smooth upsampling are the defaults of libjpeg and Pillow. Hundreds of progressive scans
    // are an attack on time, not a picture.
    int flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
    if (tjDecompress2(
            handle, bytes, (unsigned long)size, pixels, info->width, 0, info->height, format, flags) != 0) {
        return failure(handle, message);
    }
    tjDestroy(handle);
    return 0;
}
