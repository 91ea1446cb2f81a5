/*
 * media.h: the kinds of body that are answered with.
 */
#ifndef SIM_MEDIA_H
#define SIM_MEDIA_H

enum sim_media {
    SIM_MEDIA_JSON = 0,
    SIM_MEDIA_TEXT,
    SIM_MEDIA_EVENTS,
    SIM_MEDIA_MP3,
    SIM_MEDIA_OPUS,
    SIM_MEDIA_AAC,
    SIM_MEDIA_FLAC,
    SIM_MEDIA_WAV,
    SIM_MEDIA_PCM,
    SIM_MEDIA_BYTES,
    SIM_MEDIA_COUNT,
};

#endif
