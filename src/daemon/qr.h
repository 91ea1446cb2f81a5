/*
 * qr.h: a text as a QR code, for a screen and for a terminal.
 */
#ifndef TG_QR_H
#define TG_QR_H

/*
 * Both return a text that the caller frees, or NULL for want of memory or
 * when text is too long: an SVG image, and lines of UTF-8 half blocks, light
 * on dark, with the quiet zone around.  Wipe them when text is a secret.
 */
char *tg_qr_svg(const char *text);
char *tg_qr_text(const char *text);

#endif
