#include "store_metrics.h"

/*
 * Source: OpenTelemetry, Semantic conventions for generative AI metrics
 * (gen_ai.server.request.duration, .time_to_first_token,
 * .time_per_output_token, gen_ai.client.token.usage), advised boundaries.
 */
const struct tg_metric_bounds tg_metric_bounds[TG_METRIC_KINDS] = {
    [TG_METRIC_OF_LATENCY] = {14,
                              {10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120,
                               10240, 20480, 40960, 81920}},
    [TG_METRIC_OF_TTFT] = {16,
                           {1, 5, 10, 20, 40, 60, 80, 100, 250, 500, 750, 1000,
                            2500, 5000, 7500, 10000}},
    [TG_METRIC_OF_INPUT] = {14,
                            {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536,
                             262144, 1048576, 4194304, 16777216, 67108864}},
    [TG_METRIC_OF_OUTPUT] = {14,
                             {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536,
                              262144, 1048576, 4194304, 16777216, 67108864}},
    [TG_METRIC_OF_PACE] = {13,
                           {10000, 25000, 50000, 75000, 100000, 150000, 200000,
                            300000, 400000, 500000, 750000, 1000000, 2500000}},
};
