#include "pen.h"

#include <fontconfig/fontconfig.h>
#include <math.h>

/* Named one by one, so that a machine with many fonts draws as one with
 * ours; the last two have what the first has not. */
#define FAMILIES                                                               \
    "DejaVu Sans, WenQuanYi Micro Hei, Noto Sans CJK SC, sans-serif"

/* Pango itself has families at any time, and draws boxes where none is real. */
static bool
has_fonts(void)
{
    const FcFontSet *fonts = FcConfigGetFonts(NULL, FcSetSystem);

    return fonts != NULL && fonts->nfont > 0;
}

/* The same shapes and widths on any surface: no hints, no whole pixels. */
static void
set_options(PangoContext *context)
{
    cairo_font_options_t *options = cairo_font_options_create();

    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    pango_cairo_context_set_font_options(context, options);
    cairo_font_options_destroy(options);
    pango_cairo_context_set_resolution(context, 72); /* a point is a pixel */
    pango_context_set_round_glyph_positions(context, FALSE);
    pango_context_set_language(context, pango_language_from_string("en"));
    pango_context_set_base_dir(context, PANGO_DIRECTION_LTR);
}

bool
tg_pen_open(struct tg_pen *pen)
{
    PangoContext *context;

    *pen = (struct tg_pen){.fonts = pango_cairo_font_map_new()};
    if (!has_fonts())
        return false;
    context = pango_font_map_create_context(pen->fonts);
    set_options(context);
    pen->layout = pango_layout_new(context);
    g_object_unref(context);
    pango_layout_set_single_paragraph_mode(pen->layout, TRUE);
    pango_layout_set_auto_dir(pen->layout, FALSE);
    return true;
}

void
tg_pen_close(struct tg_pen *pen)
{
    g_clear_object(&pen->layout);
    /*
     * Fontconfig keeps what it has read for the process's life: FcFini would
     * abort while a thread of Pango still looks for a font.
     */
    g_clear_object(&pen->fonts);
}

static void
set_text(struct tg_pen *pen, const struct tg_pen_text *text)
{
    PangoFontDescription *font = pango_font_description_from_string(FAMILIES);
    double width = text->width;

    pango_font_description_set_absolute_size(font, text->size * PANGO_SCALE);
    pango_font_description_set_weight(
        font, text->is_bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(pen->layout, font);
    pango_font_description_free(font);
    pango_layout_set_ellipsize(pen->layout, width > 0 ? PANGO_ELLIPSIZE_END
                                                      : PANGO_ELLIPSIZE_NONE);
    pango_layout_set_width(pen->layout,
                           width > 0 ? (int)ceil(width * PANGO_SCALE) : -1);
    pango_layout_set_text(pen->layout, text->text, -1);
}

struct tg_pen_extent
tg_pen_measure(struct tg_pen *pen, const struct tg_pen_text *text)
{
    int width, height;

    set_text(pen, text);
    pango_layout_get_size(pen->layout, &width, &height);
    return (struct tg_pen_extent){
        .width = (double)width / PANGO_SCALE,
        .height = (double)height / PANGO_SCALE,
        .is_cut = pango_layout_is_ellipsized(pen->layout),
        .unknown = (size_t)pango_layout_get_unknown_glyphs_count(pen->layout),
    };
}

void
tg_pen_write(struct tg_pen *pen, cairo_t *to, const struct tg_pen_text *text,
             double x, double y)
{
    set_text(pen, text);
    cairo_move_to(to, x, y);
    pango_cairo_layout_path(to, pen->layout);
    cairo_fill(to);
}
