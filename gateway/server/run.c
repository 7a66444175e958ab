/* SPDX-License-Identifier: MIT
 * Start, reload and stop. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "gateway/observe/access_log.h"
#include "gateway/observe/log.h"
#include "gateway/observe/notify.h"
#include "gateway/server/listener.h"
#include "gateway/server/run.h"
#include "gateway/server/tls.h"
#include "gateway/server/worker.h"
#include "gateway/upkeep/upkeep.h"
#include "gateway/upstream/endpoint.h"
#include "gateway/upstream/monitor.h"

#define RESOLVE_WAIT_MS      3000 /* that names may take before a new configuration is used without them */
#define LOG_FLUSH_MS         2000
#define ENDPOINT_DESCRIPTORS 1024 /* beside those of clients; more are used when they are there */

typedef struct gateway {
    const char *file;
    gw_resolver_t *resolver;
    gw_monitor_t *monitor;
    gw_upkeep_t *upkeep;
    gw_access_log_t *log;
    gw_deployment_t *deployment; /* the current one */
    gw_listener_fds_t fds;
    gw_worker_t **workers;
    size_t num_workers;
    uint64_t generation;
} gateway_t;

static void log_entry(void *arg, gw_severity_t severity, const char *text)
{
    gw_log(severity == GW_ERROR ? GW_LOG_ERROR : GW_LOG_WARNING, "%s", text);
}

/** Every descriptor the system allows: each connection takes one or two. */
static void raise_descriptor_limit(const gw_snapshot_t *snapshot)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur != limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    unsigned long long wanted = snapshot->limits.connections + ENDPOINT_DESCRIPTORS;
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted)
        gw_log(GW_LOG_WARNING,
               "limits.connections needs %llu descriptors with those to endpoints, the system allows %llu", wanted,
               (unsigned long long)limit.rlim_cur);
}

static gw_deployment_t *deploy(gateway_t *gateway, gw_snapshot_t *snapshot)
{
    snapshot->generation = ++gateway->generation;
    const gw_deployment_t *previous = gateway->deployment;
    size_t num_workers = previous != NULL ? gateway->num_workers : (size_t)snapshot->workers;
    gw_deployment_t *deployment =
        gw_deployment_create(snapshot, previous, gateway->resolver, gateway->monitor, gateway->upkeep, num_workers);
    gw_resolver_wait(gateway->resolver, RESOLVE_WAIT_MS);
    gw_monitor_watch(gateway->monitor, deployment);
    return deployment;
}

static bool create_log(gateway_t *gateway, const gw_snapshot_t *snapshot)
{
    char error[GW_ACCESS_LOG_ERROR_MAX];
    gateway->log =
        gw_access_log_create((gw_access_log_target_t)snapshot->access_log.target, snapshot->access_log.file,
                             (size_t)snapshot->access_log.ring, (size_t)snapshot->workers, NULL, NULL, error);
    if (gateway->log == NULL)
        gw_log(GW_LOG_ERROR, "%s", error);
    return gateway->log != NULL;
}

static bool start_workers(gateway_t *gateway)
{
    const gw_snapshot_t *snapshot = gateway->deployment->snapshot;
    gateway->workers = calloc((size_t)snapshot->workers, sizeof(*gateway->workers));
    if (gateway->workers == NULL)
        abort();
    size_t num = (size_t)snapshot->workers;
    for (size_t i = 0; i != num; ++i)
        gateway->workers[i] = gw_worker_create(i, gateway->workers, num, gateway->log, gateway->deployment,
                                               gateway->fds.fds + i * gateway->fds.num_listeners);
    for (size_t i = 0; i != num; ++i) {
        int error = gw_worker_start(gateway->workers[i]);
        if (error != 0) {
            gw_log(GW_LOG_ERROR, "cannot start worker %zu: %s", i, strerror(error));
            return false;
        }
        ++gateway->num_workers;
    }
    return true;
}

static void reload(gateway_t *gateway)
{
    gw_notify("RELOADING=1");
    gw_diag_t *diag = gw_diag_create();
    const gw_snapshot_t *current = gateway->deployment->snapshot;
    gw_snapshot_t *next = gw_snapshot_load(gateway->file, diag);
    bool is_good = next != NULL && gw_listeners_are_same(current, next, diag);
    gw_diag_each(diag, log_entry, NULL);
    gw_diag_free(diag);
    char error[GW_ACCESS_LOG_ERROR_MAX];
    if (is_good && !gw_access_log_reconfigure(gateway->log, (gw_access_log_target_t)next->access_log.target,
                                              next->access_log.file, error)) {
        gw_log(GW_LOG_ERROR, "%s", error);
        is_good = false;
    }
    if (!is_good) {
        gw_snapshot_unref(next);
        gw_log(GW_LOG_ERROR, "reload refused: the configuration of generation %llu stays in use",
               (unsigned long long)gateway->generation);
        gw_notify("READY=1");
        return;
    }
    if (next->workers != current->workers || next->access_log.ring != current->access_log.ring)
        gw_log(GW_LOG_WARNING, "a change of 'workers' or 'access_log.ring' takes effect at the next start");
    gw_deployment_t *old = gateway->deployment;
    gateway->deployment = deploy(gateway, next);
    for (size_t i = 0; i != gateway->num_workers; ++i)
        gw_worker_adopt(gateway->workers[i], gateway->deployment);
    gw_deployment_unref(old);
    gw_log(GW_LOG_NOTICE, "reloaded: generation %llu, %zu services, %zu routes",
           (unsigned long long)gateway->generation, next->num_services, next->num_routes);
    gw_notify("READY=1");
}

/** Serves signals until the gateway is told to end. */
static void control_loop(gateway_t *gateway, const sigset_t *signals)
{
    for (;;) {
        const struct timespec a_minute = {.tv_sec = 60};
        switch (sigtimedwait(signals, NULL, &a_minute)) {
        case SIGHUP:
            reload(gateway);
            break;
        case SIGUSR1:
            gw_access_log_reopen(gateway->log);
            break;
        case SIGTERM:
        case SIGINT:
            return;
        default: /* a minute is over, or interrupted */
            break;
        }
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        gw_tls_tickets_rotate((uint64_t)now.tv_sec);
    }
}

static void end_at_once(int signal)
{
    _exit(128 + signal);
}

static void stop_workers(gateway_t *gateway, uint64_t timeout_ms)
{
    size_t num_cut = 0;
    for (size_t i = 0; i != gateway->num_workers; ++i)
        gw_worker_drain(gateway->workers[i], timeout_ms);
    for (size_t i = 0; i != gateway->num_workers; ++i)
        num_cut += gw_worker_join(gateway->workers[i]);
    gw_monitor_free(gateway->monitor); /* which may wake workers */
    gw_upkeep_free(gateway->upkeep);   /* and so may this */
    for (size_t i = 0; i != gateway->num_workers; ++i)
        gw_worker_free(gateway->workers[i]);
    free(gateway->workers);
    if (num_cut != 0)
        gw_log(GW_LOG_WARNING, "drain_timeout is over: %zu connections were cut", num_cut);
}

static void stop(gateway_t *gateway, const sigset_t *signals)
{
    /* a second signal while draining means it */
    struct sigaction action = {.sa_handler = end_at_once};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigset_t enders;
    sigemptyset(&enders);
    sigaddset(&enders, SIGTERM);
    sigaddset(&enders, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &enders, NULL);
    stop_workers(gateway, gateway->deployment->snapshot->drain_timeout);
}

static int run(const char *file)
{
    /* before the first thread, so that all of them inherit it and only the control thread takes signals */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_DUMPABLE, 0); /* private keys and tokens are in this memory: no core file, no ptrace by others */

    gateway_t gateway = {.file = file};
    gw_diag_t *diag = gw_diag_create();
    gw_snapshot_t *snapshot = gw_snapshot_load(file, diag);
    bool is_good = snapshot != NULL && gw_listeners_open(snapshot, &gateway.fds, diag);
    gw_diag_print(diag, stderr);
    gw_diag_free(diag);
    if (!is_good) {
        gw_snapshot_unref(snapshot);
        return 1;
    }
    raise_descriptor_limit(snapshot);
    gw_log_start(); /* without it lines are written at once */
    gateway.resolver = gw_resolver_create();
    gateway.monitor = gw_monitor_create();
    gateway.upkeep = gw_upkeep_create();
    if (gateway.resolver == NULL || gateway.monitor == NULL || gateway.upkeep == NULL ||
        !create_log(&gateway, snapshot)) {
        gw_log(GW_LOG_ERROR, "cannot start");
        return 1;
    }
    gateway.deployment = deploy(&gateway, snapshot);
    if (!start_workers(&gateway))
        return 1; /* the process ends and takes the rest with it */
    gw_log(GW_LOG_NOTICE, "ready: %zu workers, %zu services, %zu routes", gateway.num_workers, snapshot->num_services,
           snapshot->num_routes);
    gw_notify("READY=1");

    control_loop(&gateway, &signals);

    gw_notify("STOPPING=1");
    gw_log(GW_LOG_NOTICE, "stopping: finishing what is in flight");
    stop(&gateway, &signals);
    gw_listeners_dispose(&gateway.fds);
    gw_deployment_unref(gateway.deployment);
    gw_access_log_free(gateway.log, LOG_FLUSH_MS);
    gw_resolver_free(gateway.resolver);
    gw_tls_tickets_dispose();
    gw_log_stop();
    gw_log(GW_LOG_NOTICE, "stopped");
    return 0;
}

int gw_run_main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
    const char *file = "/etc/sluice/sluice.yaml";
    int option;
    while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        if (option != 'c') {
            fprintf(stderr, "usage: sluice run [-c FILE]\n");
            return 2;
        }
        file = optarg;
    }
    if (optind != argc) {
        fprintf(stderr, "sluice run: unexpected argument '%s'\nusage: sluice run [-c FILE]\n", argv[optind]);
        return 2;
    }
    return run(file);
}
