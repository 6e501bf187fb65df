/*
 * libotrbench is the other half of the benchmark in ..: both endpoints of a conversation, made of libotr, in one
 * process. Each line on its standard input is a workload and how often to do it; the answer is the CPU time that it
 * took, in nanoseconds, or for "memory" the bytes that are in use.
 *
 *	cc -O2 -o libotrbench libotrbench.c $(pkg-config --cflags --libs libotr) -lgcrypt
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gcrypt.h>
#include <libotr/b64.h>
#include <libotr/proto.h>
#include <libotr/privkey.h>
#include <libotr/message.h>
#include <libotr/context.h>
#include <libotr/instag.h>

#define PROTOCOL "xmpp"

enum { ALICE, BOB };

typedef struct {
	OtrlUserState us;
	const char *name;
	char peer[32]; /* another one for each of many conversations */
	int asked;     /* an SMP request waits */
	int verified;  /* SMP runs that succeeded */
	int texts;     /* that arrived */
} Party;

typedef struct Wire {
	struct Wire *next;
	int to;
	char *body;
} Wire;

static Party parties[2];
static Wire *first, **last = &first;
static int max_size;

static void fail(const char *why)
{
	fprintf(stderr, "libotrbench: %s\n", why);
	exit(2);
}

static void *checked(void *p)
{
	if (!p) fail("out of memory");
	return p;
}

/* ---- the network ---- */

static void put(int to, const char *body)
{
	Wire *w = checked(malloc(sizeof *w));
	w->next = NULL;
	w->to = to;
	w->body = checked(strdup(body));
	*last = w;
	last = &w->next;
}

/* take returns the next message on its way, which the caller frees, or NULL. */
static char *take(int *to)
{
	Wire *w = first;
	if (!w) return NULL;
	first = w->next;
	if (!first) last = &first;
	char *body = w->body;
	*to = w->to;
	free(w);
	return body;
}

/* ---- what the library calls; its data is the party ---- */

static int other(void *data) { return data == &parties[ALICE] ? BOB : ALICE; }

static OtrlPolicy op_policy(void *data, ConnContext *c) { return OTRL_POLICY_ALLOW_V3; }

static int op_is_logged_in(void *data, const char *name, const char *protocol, const char *recipient) { return 1; }

static void op_inject(void *data, const char *name, const char *protocol, const char *recipient, const char *message)
{
	put(other(data), message);
}

static int op_max_size(void *data, ConnContext *c) { return max_size; }

static void op_create_instag(void *data, const char *name, const char *protocol)
{
	FILE *nowhere = fopen("/dev/null", "w");
	if (!nowhere) fail("cannot open /dev/null");
	otrl_instag_generate_FILEp(((Party *)data)->us, nowhere, name, protocol);
	fclose(nowhere);
}

static void op_smp_event(void *data, OtrlSMPEvent event, ConnContext *c, unsigned short percent, char *question)
{
	Party *p = data;
	if (event == OTRL_SMPEVENT_ASK_FOR_SECRET) p->asked = 1;
	if (event == OTRL_SMPEVENT_SUCCESS) p->verified++;
}

static OtrlMessageAppOps ops = {
	.policy = op_policy,
	.is_logged_in = op_is_logged_in,
	.inject_message = op_inject,
	.max_message_size = op_max_size,
	.create_instag = op_create_instag,
	.handle_smp_event = op_smp_event,
};

static void receive(int to, const char *body)
{
	Party *p = &parties[to];
	char *text = NULL;
	OtrlTLV *tlvs = NULL;
	int internal = otrl_message_receiving(p->us, &ops, p, p->name, PROTOCOL, p->peer, body, &text, &tlvs, NULL,
		NULL, NULL);
	if (!internal) p->texts++;
	otrl_message_free(text);
	otrl_tlv_free(tlvs);
}

static void deliver(void)
{
	int to;
	char *body;
	while ((body = take(&to))) {
		receive(to, body);
		free(body);
	}
}

static void discard(void)
{
	int to;
	char *body;
	while ((body = take(&to))) free(body);
}

static void say(int from, const char *text, OtrlFragmentPolicy fragments)
{
	Party *p = &parties[from];
	char *sent = NULL;
	int before = parties[!from].texts;
	if (otrl_message_sending(p->us, &ops, p, p->name, PROTOCOL, p->peer, OTRL_INSTAG_BEST, text, NULL, &sent,
		fragments, NULL, NULL, NULL)) fail("not sent");
	if (sent && fragments == OTRL_FRAGMENT_SEND_SKIP) put(!from, sent);
	otrl_message_free(sent);
	deliver();
	if (parties[!from].texts != before + 1) fail("a text did not arrive");
}

/* ---- sessions ---- */

static ConnContext *context(int of)
{
	return otrl_context_find(parties[of].us, parties[of].peer, parties[of].name, PROTOCOL, OTRL_INSTAG_BEST, 0, NULL,
		NULL, NULL);
}

static void forget(void)
{
	for (int i = 0; i < 2; i++) {
		for (ConnContext *c = parties[i].us->context_root; c; c = c->next) otrl_context_force_plaintext(c);
		otrl_context_forget_all(parties[i].us);
	}
}

static void exchange(void)
{
	put(BOB, "?OTRv3?");
	deliver();
	for (int i = 0; i < 2; i++) {
		ConnContext *c = context(i);
		if (!c || c->msgstate != OTRL_MSGSTATE_ENCRYPTED) fail("no session");
	}
}

/* session begins a session anew and lets the first keys pass, so that what follows is steady. */
static void session(void)
{
	forget();
	exchange();
	for (int i = 0; i < 2; i++) {
		say(ALICE, "hello", OTRL_FRAGMENT_SEND_SKIP);
		say(BOB, "hello", OTRL_FRAGMENT_SEND_SKIP);
	}
}

static char *text(size_t n)
{
	char *s = checked(malloc(n + 1));
	memset(s, 'x', n);
	s[n] = '\0';
	return s;
}

/* ---- the clock ---- */

static long long cpu(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* ---- workloads ---- */

static long long dsa_key(int n)
{
	long long start = cpu();
	while (n--) {
		void *key;
		if (otrl_privkey_generate_start(parties[ALICE].us, "another", PROTOCOL, &key) || otrl_privkey_generate_calculate(key))
			fail("cannot make a key");
		otrl_privkey_generate_cancelled(parties[ALICE].us, key);
	}
	return cpu() - start;
}

static long long ake(int n)
{
	long long sum = 0;
	while (n--) {
		forget();
		long long start = cpu();
		exchange();
		sum += cpu() - start;
	}
	return sum;
}

static long long oneway(int n, size_t length, int limit)
{
	char *s = text(length);
	session();
	max_size = limit;
	long long start = cpu();
	while (n--) say(ALICE, s, limit ? OTRL_FRAGMENT_SEND_ALL : OTRL_FRAGMENT_SEND_SKIP);
	long long end = cpu();
	max_size = 0;
	free(s);
	return end - start;
}

static long long pingpong(int n, size_t length)
{
	char *s = text(length);
	session();
	long long start = cpu();
	for (int i = 0; i < n; i++) say(i % 2, s, OTRL_FRAGMENT_SEND_SKIP);
	long long end = cpu();
	free(s);
	return end - start;
}

static long long smp(int n)
{
	static const unsigned char secret[] = "secret";
	session();
	long long start = cpu();
	while (n--) {
		parties[ALICE].verified = parties[BOB].verified = parties[BOB].asked = 0;
		otrl_message_initiate_smp(parties[ALICE].us, &ops, &parties[ALICE], context(ALICE), secret, 6);
		deliver();
		if (!parties[BOB].asked) fail("nobody was asked");
		otrl_message_respond_smp(parties[BOB].us, &ops, &parties[BOB], context(BOB), secret, 6);
		deliver();
		if (parties[ALICE].verified != 1 || parties[BOB].verified != 1) fail("SMP did not succeed");
	}
	return cpu() - start;
}

/* sealed returns a message from alice to bob that bob has not received. The caller frees it. */
static char *sealed(size_t length)
{
	int to;
	char *s = text(length), *sent = NULL;
	session();
	if (otrl_message_sending(parties[ALICE].us, &ops, &parties[ALICE], parties[ALICE].name, PROTOCOL, parties[ALICE].peer,
		OTRL_INSTAG_BEST, s, NULL, &sent, OTRL_FRAGMENT_SEND_SKIP, NULL, NULL, NULL)) fail("not sent");
	put(BOB, sent);
	otrl_message_free(sent);
	free(s);
	return take(&to);
}

/* refused is a message of which a part was replaced, received again and again. */
static long long refused(int n, int from, const char *with)
{
	char *body = sealed(500);
	memcpy(body + from, with, strlen(with));
	int before = parties[BOB].texts;
	long long start = cpu();
	while (n--) {
		receive(BOB, body);
		discard();
	}
	long long end = cpu();
	if (parties[BOB].texts != before) fail("a forged message was shown");
	free(body);
	return end - start;
}

/* flood is D-H Commit Messages, each with another sender's instance tag. */
static long long flood(int n)
{
	int to;
	unsigned char *message;
	size_t length;
	forget();
	receive(ALICE, "?OTRv3?");
	char *commit = take(&to);
	if (!commit || otrl_base64_otr_decode(commit, &message, &length)) fail("no D-H Commit Message");
	long long sum = 0;
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < 4; j++) message[3 + j] = (0x10000 + i) >> (24 - 8 * j);
		char *body = otrl_base64_otr_encode(message, length);
		long long start = cpu();
		receive(BOB, body);
		sum += cpu() - start;
		free(body);
		discard();
	}
	free(message);
	free(commit);
	forget();
	return sum;
}

/* memory returns what n idle conversations take, that is 2n endpoints. */
static long long memory(int n)
{
	forget();
	struct mallinfo2 before = mallinfo2();
	for (int i = 0; i < n; i++) {
		snprintf(parties[ALICE].peer, sizeof parties[ALICE].peer, "bob%d", i);
		snprintf(parties[BOB].peer, sizeof parties[BOB].peer, "alice%d", i);
		exchange();
		say(ALICE, "hello", OTRL_FRAGMENT_SEND_SKIP);
		say(BOB, "hello", OTRL_FRAGMENT_SEND_SKIP);
	}
	struct mallinfo2 after = mallinfo2();
	forget();
	return (long long)(after.uordblks + after.hblkhd) - (long long)(before.uordblks + before.hblkhd);
}

static long long workload(const char *name, int n)
{
	if (!strcmp(name, "dsa-key")) return dsa_key(n);
	if (!strcmp(name, "ake")) return ake(n);
	if (!strcmp(name, "oneway-10")) return oneway(n, 10, 0);
	if (!strcmp(name, "oneway-1k")) return oneway(n, 1024, 0);
	if (!strcmp(name, "oneway-64k")) return oneway(n, 65536, 0);
	if (!strcmp(name, "oneway-64k-frag")) return oneway(n, 65536, 1400);
	if (!strcmp(name, "pingpong-1k")) return pingpong(n, 1024);
	if (!strcmp(name, "smp")) return smp(n);
	if (!strcmp(name, "garbage")) return refused(n, 30, "garbage/garbage/garbage/garbage/");
	if (!strcmp(name, "forged")) return refused(n, 500, "forged");
	if (!strcmp(name, "flood")) return flood(n);
	if (!strcmp(name, "memory")) return memory(n);
	fail("unknown workload");
	return 0;
}

int main(void)
{
	static const char *names[] = {"alice", "bob"};
	OTRL_INIT;
	for (int i = 0; i < 2; i++) {
		FILE *file = tmpfile();
		parties[i].us = otrl_userstate_create();
		parties[i].name = names[i];
		strcpy(parties[i].peer, names[!i]);
		if (!file || otrl_privkey_generate_FILEp(parties[i].us, file, names[i], PROTOCOL)) fail("cannot make a key");
		fclose(file);
	}
	char name[64];
	int n;
	while (scanf("%63s %d", name, &n) == 2) {
		printf("%lld\n", workload(name, n));
		fflush(stdout);
	}
	return 0;
}
