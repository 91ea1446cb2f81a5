#include "qr.h"

#include <qrencode.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define QUIET 4 /* modules around; the standard's least */

static bool
is_dark(const QRcode *code, int x, int y)
{
    if (x < 0 || y < 0 || x >= code->width || y >= code->width)
        return false;
    return (code->data[y * code->width + x] & 1) != 0;
}

static void
draw_svg(FILE *out, const QRcode *code)
{
    int side = code->width + 2 * QUIET;

    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
            "shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h%dv%d"
            "H0z\"/><path d=\"",
            side, side, side, side);
    for (int y = 0; y < code->width; y++) {
        for (int x = 0; x < code->width; x++) {
            if (is_dark(code, x, y))
                fprintf(out, "M%d %dh1v1h-1z", x + QUIET, y + QUIET);
        }
    }
    fputs("\"/></svg>", out);
}

/* Two rows a line; what is light is drawn, as terminals are dark. */
static void
draw_text(FILE *out, const QRcode *code)
{
    static const char *const halves[2][2] = {{" ", "▄"}, {"▀", "█"}};

    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        for (int x = -QUIET; x < code->width + QUIET; x++)
            fputs(halves[!is_dark(code, x, y)][!is_dark(code, x, y + 1)], out);
        fputc('\n', out);
    }
}

static char *
draw(const char *text, void (*how)(FILE *, const QRcode *))
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
    char *drawn = NULL;
    size_t size = 0;
    FILE *out;

    if (code == NULL)
        return NULL;
    out = open_memstream(&drawn, &size);
    if (out != NULL) {
        how(out, code);
        if (fclose(out) != 0) {
            free(drawn);
            drawn = NULL;
        }
    }
    QRcode_free(code);
    return drawn;
}

char *
tg_qr_svg(const char *text)
{
    return draw(text, draw_svg);
}

char *
tg_qr_text(const char *text)
{
    return draw(text, draw_text);
}
