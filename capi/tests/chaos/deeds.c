/* Licensed under the Apache License, Version 2.0. See LICENSE. */
#include "chaos.h"

#define RAISED(cause) \
  { UDFRUNNER_PYTHON_EXCEPTION, cause }
#define ENDED(cause) \
  { UDFRUNNER_WORKER_EXITED, cause }

/* The order is that of python/chaos_deeds.py. */
const struct deed deeds[DEEDS] = {
    {.name = "nothing", .done = true, .stock = true},
    {.name = "raises", .endings = {RAISED("exception")}, .stock = true, .share = 100},
    {.name = "raises_much", .endings = {RAISED("exception")}, .stock = true, .share = 10},
    {.name = "recurses", .endings = {RAISED("exception")}, .stock = true, .share = 10},
    {.name = "asks_for_memory", .endings = {RAISED("out_of_memory")}, .stock = true, .share = 20},
    {.name = "exits_by_exception", .endings = {RAISED("exception")}, .stock = true, .share = 40},
    {.name = "interrupts", .endings = {RAISED("exception")}, .share = 20},
    {.name = "gives_less", .endings = {RAISED("exception")}, .stock = true, .share = 40},
    {.name = "exits", .endings = {ENDED("exit")}, .stock = true, .share = 60},
    {.name = "executes", .endings = {ENDED("exit")}, .stock = true, .share = 20},
    {.name = "aborts", .endings = {ENDED("signal")}, .stock = true, .share = 30},
    {.name = "crashes", .endings = {ENDED("signal")}, .stock = true, .share = 30},
    {.name = "kills_itself", .endings = {ENDED("signal")}, .stock = true, .share = 60},
    {.name = "kills_daemon", .endings = {ENDED("daemon_ended")}},
    {.name = "sleeps", .hangs = true, .stock = true, .share = 100},
    {.name = "stops", .hangs = true, .stock = true, .share = 30},
    {.name = "floods_for_ever", .hangs = true, .share = 10},
    {.name = "forks", .done = true, .share = 60},
    {.name = "forks_in_c", .done = true, .share = 60},
    {.name = "forks_session", .done = true, .stock = true, .share = 20},
    {.name = "leaves_thread", .done = true, .stock = true, .share = 60},
    {.name = "leaves_state", .done = true, .share = 60},
    {.name = "leaves_no_streams", .done = true, .share = 40},
    {.name = "floods", .done = true, .stock = true, .share = 30},
    {.name = "accumulates", .done = true, .stock = true, .share = 100},
    {.name = "garbles",
     .endings = {{UDFRUNNER_PROTOCOL, "protocol"}, ENDED("channel_closed")},
     .share = 40},
    {.name = "closes_all", .endings = {ENDED("channel_closed")}, .share = 20},
    {.name = "stops_daemon", .done = true}, /* what kills an env has to do without it */
};
