/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "seats.h"

#define TABLE_MIN 256u
#define TABLE_MAX (1u << 20)

/* An address as numbers. */
struct key {
	uint64_t host[2];
	uint32_t zone;
	uint16_t sender_port;
};

static struct key key_of(const struct fz_addr *addr)
{
	struct key key = {.zone = 0};

	if (addr->sa.sa_family == AF_INET6) {
		memcpy(key.host, &addr->in6.sin6_addr, sizeof(key.host));
		key.zone = addr->in6.sin6_scope_id;
	} else {
		key.host[0] = addr->in.sin_addr.s_addr;
	}
	key.sender_port = fz_addr_port(addr);
	return key;
}

static uint32_t hash_with(uint64_t seed, uint32_t port, const struct key *key)
{
	uint64_t hash = (key->host[0] ^ seed) * UINT64_C(0x9e3779b97f4a7c15);

	hash = (hash ^ hash >> 29 ^ key->host[1] ^ (uint64_t)port << 32 ^ key->zone) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(hash >> 32);
}

static uint32_t group_hash(const struct fz_seats *seats, uint32_t port, const struct key *key)
{
	return hash_with(seats->seed, port, key);
}

static uint32_t seat_hash(uint32_t hash, uint16_t sender_port)
{
	hash = (hash ^ sender_port) * 2654435769u;
	return hash ^ hash >> 15;
}

uint32_t fz_seats_hash(uint64_t seed, uint32_t port, const struct fz_addr *remote)
{
	const struct key key = key_of(remote);

	return seat_hash(hash_with(seed, port, &key), key.sender_port);
}

static uint32_t hash_of_group(const struct fz_seats *seats, const struct fz_seat_group *group)
{
	const struct key key = {.host = {group->host[0], group->host[1]}, .zone = group->zone};

	return group_hash(seats, group->port, &key);
}

static bool make_tables(struct fz_seats *seats, uint32_t size)
{
	seats->groups = calloc(size, sizeof(struct fz_seat_group *));
	seats->seats = calloc(size, sizeof(struct fz_seat *));
	seats->mask = size - 1;
	if (seats->groups && seats->seats)
		return true;
	fz_seats_free(seats);
	return false;
}

bool fz_seats_init(struct fz_seats *seats, uint64_t seed)
{
	*seats = (struct fz_seats){.seed = seed};
	return make_tables(seats, TABLE_MIN);
}

void fz_seats_free(struct fz_seats *seats)
{
	free(seats->groups);
	free(seats->seats);
	seats->groups = NULL;
	seats->seats = NULL;
}

static struct fz_seat_group *find_group(const struct fz_seats *seats, uint32_t port, const struct key *key,
	uint32_t hash)
{
	struct fz_seat_group *group = seats->groups[hash & seats->mask];

	while (group && (group->host[0] != key->host[0] || group->port != port || group->host[1] != key->host[1] ||
		group->zone != key->zone))
		group = group->next;
	return group;
}

static struct fz_seat *find_seat(const struct fz_seats *seats, const struct fz_seat_group *group, uint16_t sender_port,
	uint32_t hash)
{
	struct fz_seat *seat = seats->seats[seat_hash(hash, sender_port) & seats->mask];

	while (seat && (seat->group != group || seat->sender_port != sender_port))
		seat = seat->next;
	return seat;
}

struct fz_seat *fz_seats_find(const struct fz_seats *seats, uint32_t port, const struct fz_addr *from)
{
	const struct key key = key_of(from);
	uint32_t hash = group_hash(seats, port, &key);
	const struct fz_seat_group *group = find_group(seats, port, &key, hash);

	if (!group || !group->shared)
		return group ? group->alone : NULL;
	return find_seat(seats, group, key.sender_port, hash);
}

struct fz_seat *fz_seats_find_exactly(const struct fz_seats *seats, uint32_t port, const struct fz_addr *from)
{
	const struct key key = key_of(from);
	uint32_t hash = group_hash(seats, port, &key);
	const struct fz_seat_group *group = find_group(seats, port, &key, hash);

	return group ? find_seat(seats, group, key.sender_port, hash) : NULL;
}

const struct fz_seat_group *fz_seats_group(const struct fz_seats *seats, uint32_t port, const struct fz_addr *host)
{
	const struct key key = key_of(host);

	return find_group(seats, port, &key, group_hash(seats, port, &key));
}

/* Twice the size; without memory for that, chains only become longer. */
static void grow(struct fz_seats *seats)
{
	struct fz_seats old = *seats;
	uint32_t size = old.mask + 1;

	if (seats->count < size || size >= TABLE_MAX)
		return;
	if (!make_tables(seats, 2 * size)) {
		*seats = old;
		return;
	}
	for (uint32_t i = 0; i < size; i++) {
		for (struct fz_seat_group *group = old.groups[i], *next; group; group = next) {
			uint32_t place = hash_of_group(seats, group) & seats->mask;
			next = group->next;
			group->next = seats->groups[place];
			seats->groups[place] = group;
		}
		for (struct fz_seat *seat = old.seats[i], *next; seat; seat = next) {
			uint32_t place = seat_hash(hash_of_group(seats, seat->group), seat->sender_port) & seats->mask;
			next = seat->next;
			seat->next = seats->seats[place];
			seats->seats[place] = seat;
		}
	}
	fz_seats_free(&old);
}

static struct fz_seat_group *make_group(struct fz_seats *seats, uint32_t port, const struct key *key, uint32_t hash)
{
	struct fz_seat_group **at = &seats->groups[hash & seats->mask], *group = calloc(1, sizeof(*group));

	if (!group)
		return NULL;
	memcpy(group->host, key->host, sizeof(group->host));
	group->zone = key->zone;
	group->port = port;
	group->next = *at;
	*at = group;
	return group;
}

bool fz_seats_join(struct fz_seats *seats, struct fz_seat *seat, uint32_t port, const struct fz_addr *remote)
{
	const struct key key = key_of(remote);
	uint32_t hash = group_hash(seats, port, &key);
	struct fz_seat_group *group;
	struct fz_seat **at;

	grow(seats);
	group = find_group(seats, port, &key, hash);
	if (group && find_seat(seats, group, key.sender_port, hash))
		return false;
	if (!group)
		group = make_group(seats, port, &key, hash);
	if (!group)
		return false;
	group->shared |= group->count > 0;
	group->alone = group->shared ? NULL : seat;
	group->count++;
	seat->group = group;
	seat->sender_port = key.sender_port;
	at = &seats->seats[seat_hash(hash, key.sender_port) & seats->mask];
	seat->next = *at;
	*at = seat;
	seats->count++;
	return true;
}

void fz_seats_leave(struct fz_seats *seats, struct fz_seat *seat)
{
	struct fz_seat_group *group = seat->group, **at_group;
	uint32_t hash = hash_of_group(seats, group);
	struct fz_seat **at = &seats->seats[seat_hash(hash, seat->sender_port) & seats->mask];

	while (*at != seat)
		at = &(*at)->next;
	*at = seat->next;
	seat->group = NULL;
	seats->count--;
	if (--group->count > 0)
		return;
	at_group = &seats->groups[hash & seats->mask];
	while (*at_group != group)
		at_group = &(*at_group)->next;
	*at_group = group->next;
	free(group);
}
