#include "picture.h"

bool
tg_chart_form_is_good(const struct tg_chart_form *form)
{
    long scale = form->format == TG_CHART_PNG ? form->scale : 1;

    return form->width >= TG_CHART_WIDTH_MIN &&
           form->width <= TG_CHART_WIDTH_MAX &&
           form->height >= TG_CHART_HEIGHT_MIN &&
           form->height <= TG_CHART_HEIGHT_MAX && scale >= 1 &&
           scale <= TG_CHART_SCALE_MAX &&
           scale * form->width * (scale * form->height) <= TG_CHART_PIXELS_MAX;
}
