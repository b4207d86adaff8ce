/* SPDX-License-Identifier: MIT */
#include "bridge.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static copas *dispatcher_of(uint64_t handle) { return (copas *)(uintptr_t)handle; }

static copas_socket *socket_of(uint64_t handle) { return (copas_socket *)(uintptr_t)handle; }

uint64_t bridge_new(int *backend, int *sys_errno)
{
  copas_config config = {.size = sizeof config, .flags = COPAS_UNBOUND | COPAS_QUIET};
  copas *c = copas_new(&config);
  if (c == NULL) {
    *sys_errno = errno;
    return 0;
  }
  *backend = copas_backend_fd(c);
  if (*backend < 0) {
    copas_free(c);
    *sys_errno = EMFILE;
    return 0;
  }
  return (uintptr_t)c;
}

void bridge_free(uint64_t c) { (void)copas_free(dispatcher_of(c)); }

static void tell(struct bridge_outcome *o, const copas_event *event)
{
  o->token = event->token;
  o->result = (uintptr_t)event->result;
  o->operation = 0;
  o->data = event->data;
  o->len = event->len;
  o->kind = (int32_t)event->kind;
  o->status = event->status;
  o->sys_errno = event->sys_errno;
}

static void fail(struct bridge_outcome *o, copas *c, int status)
{
  copas_error_info info = {.size = sizeof info};
  memset(o, 0, sizeof *o);
  o->status = status;
  if (copas_error(c, &info) == COPAS_OK && info.status == status) {
    o->sys_errno = info.sys_errno;
    o->data = info.text;
    o->len = strlen(info.text);
  }
}

/* A submission's answer. */
static int answer(struct bridge_outcome *o, copas *c, int answered, const copas_event *now,
                  copas_operation *operation)
{
  if (answered == 1) {
    tell(o, now);
  } else if (answered == COPAS_OK) {
    o->operation = (uintptr_t)operation;
    return 0;
  } else {
    fail(o, c, answered);
  }
  return 1;
}

int bridge_poll(uint64_t c, struct bridge_outcome *outcomes)
{
  copas_event events[BRIDGE_OUTCOMES];
  int count = copas_poll(dispatcher_of(c), events, BRIDGE_OUTCOMES, 0);
  for (int i = 0; i < count; i++) tell(&outcomes[i], &events[i]);
  return count;
}

int bridge_receive(uint64_t socket, int may_wait, uint64_t token, struct bridge_outcome *o)
{
  copas_event now;
  copas_operation *operation = NULL;
  copas_socket *skt = socket_of(socket);
  /* A wait is ended by a cancel; without one the library's own time limit asks the kernel once. */
  if (!may_wait) (void)copas_settimeouts(skt, NAN, NAN, 0);
  int answered = copas_submit_receive_some(skt, token, &now, &operation);
  if (!may_wait) (void)copas_settimeouts(skt, NAN, NAN, COPAS_FOREVER);
  return answer(o, copas_of(skt), answered, &now, operation);
}

int bridge_send(uint64_t socket, const void *data, size_t len, uint64_t token,
                struct bridge_outcome *o)
{
  copas_event now;
  copas_operation *operation = NULL;
  size_t taken = 0;
  int answered =
      copas_submit_send(socket_of(socket), data, len, 0, token, &taken, &now, &operation);
  int over = answer(o, copas_of(socket_of(socket)), answered, &now, operation);
  o->taken = taken;
  return over;
}

int bridge_flush(uint64_t socket, uint64_t token, struct bridge_outcome *o)
{
  copas_event now;
  copas_operation *operation = NULL;
  int answered = copas_submit_flush(socket_of(socket), token, &now, &operation);
  return answer(o, copas_of(socket_of(socket)), answered, &now, operation);
}

int bridge_accept(uint64_t socket, uint64_t token, struct bridge_outcome *o)
{
  copas_event now;
  copas_operation *operation = NULL;
  int answered =
      copas_submit_accept(socket_of(socket), COPAS_FOREVER, token, &now, &operation);
  return answer(o, copas_of(socket_of(socket)), answered, &now, operation);
}

int bridge_connect(uint64_t c, const char *host, int port, double timeout, uint64_t token,
                   struct bridge_outcome *o)
{
  copas_event now;
  copas_operation *operation = NULL;
  int answered =
      copas_submit_connect(dispatcher_of(c), host, port, timeout, token, &now, &operation);
  return answer(o, dispatcher_of(c), answered, &now, operation);
}

int bridge_connect_unix(uint64_t c, const char *path, uint64_t token, struct bridge_outcome *o)
{
  copas_event now;
  copas_operation *operation = NULL;
  int answered = copas_submit_connect_unix(dispatcher_of(c), path, 0, COPAS_FOREVER, token, &now,
                                           &operation);
  return answer(o, dispatcher_of(c), answered, &now, operation);
}

int bridge_resolve(uint64_t c, const char *host, uint64_t token, struct bridge_outcome *o)
{
  copas_event now;
  copas_operation *operation = NULL;
  int answered =
      copas_submit_resolve(dispatcher_of(c), host, COPAS_FOREVER, token, &now, &operation);
  return answer(o, dispatcher_of(c), answered, &now, operation);
}

static copas_tls_context *context_of(uint64_t handle)
{
  return (copas_tls_context *)(uintptr_t)handle;
}

int bridge_starttls(uint64_t socket, uint64_t context, const char *server_name, uint64_t token,
                    struct bridge_outcome *o)
{
  copas_event now;
  copas_operation *operation = NULL;
  int answered = copas_submit_starttls(socket_of(socket), context_of(context), server_name, token,
                                       &now, &operation);
  return answer(o, copas_of(socket_of(socket)), answered, &now, operation);
}

void bridge_cancel(uint64_t operation)
{
  /* One whose event has been delivered needs no cancel. */
  (void)copas_submit_cancel((copas_operation *)(uintptr_t)operation);
}

static void tell_status(struct bridge_outcome *o, copas *c, int status, copas_socket *made)
{
  if (status != COPAS_OK) {
    fail(o, c, status);
    return;
  }
  memset(o, 0, sizeof *o);
  o->result = (uintptr_t)made;
}

void bridge_bind(uint64_t c, const char *host, int port, uint64_t flags, struct bridge_outcome *o)
{
  copas_bind_options options = {.size = sizeof options, .flags = flags};
  copas_socket *made = NULL;
  int status = copas_bind_with(dispatcher_of(c), host, port, &options, &made);
  tell_status(o, dispatcher_of(c), status, made);
}

void bridge_bind_unix(uint64_t c, const char *path, struct bridge_outcome *o)
{
  copas_socket *made = NULL;
  int status = copas_bind_unix(dispatcher_of(c), path, 0, &made);
  tell_status(o, dispatcher_of(c), status, made);
}

void bridge_shut(uint64_t socket, int how, struct bridge_outcome *o)
{
  int status = copas_shut(socket_of(socket), how);
  tell_status(o, copas_of(socket_of(socket)), status, NULL);
}

void bridge_setarmour(uint64_t socket, size_t connections, size_t address, double first_byte,
                      size_t rate, double window, struct bridge_outcome *o)
{
  copas_armour armour = {.size = sizeof armour, .max_connections = connections,
                         .max_per_address = address, .first_byte = first_byte, .min_rate = rate,
                         .rate_window = window};
  int status = copas_setarmour(socket_of(socket), &armour);
  tell_status(o, copas_of(socket_of(socket)), status, NULL);
}

void bridge_tls_new(uint64_t c, int role, const copas_tls_options *options,
                    struct bridge_outcome *o)
{
  copas_tls_context *made = NULL;
  int status = copas_tls_context_new(dispatcher_of(c), role, options, &made);
  tell_status(o, dispatcher_of(c), status, NULL);
  if (status == COPAS_OK) o->result = (uintptr_t)made;
}

void bridge_tls_reload(uint64_t c, uint64_t context, const copas_tls_options *options,
                       struct bridge_outcome *o)
{
  int status = copas_tls_context_reload(dispatcher_of(c), context_of(context), options);
  tell_status(o, dispatcher_of(c), status, NULL);
}

void bridge_tls_info(uint64_t socket, copas_tls_details *details, struct bridge_outcome *o)
{
  tell_status(o, copas_of(socket_of(socket)), copas_tls_info(socket_of(socket), details), NULL);
}

void bridge_tls_stats(uint64_t context, copas_tls_stats *stats)
{
  (void)copas_tls_context_stats(context_of(context), stats);
}

void bridge_tls_release(uint64_t context) { (void)copas_tls_context_release(context_of(context)); }

void bridge_close(uint64_t socket) { (void)copas_close(socket_of(socket)); }

void bridge_abort(uint64_t socket) { (void)copas_abort(socket_of(socket)); }

void bridge_addresses(uint64_t socket, copas_address *local, copas_address *remote)
{
  if (copas_getsockname(socket_of(socket), local) != COPAS_OK) local->family = 0;
  if (copas_getpeername(socket_of(socket), remote) != COPAS_OK) remote->family = 0;
}
