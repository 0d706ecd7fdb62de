-- When schedules are due. The same cron patterns as the configuration accepts, in the schedule's time zone: a local time that clocks leap
-- over is left out, and one that comes twice counts the first time only, as EventBridge Scheduler has it.

-- The numbers that a field of a cron pattern stands for, or null when it is no list of numbers, ranges, steps and names.
create function holdfast.cron_numbers(field text, first_number integer, last_number integer, names text[] default '{}') returns integer[]
language plpgsql immutable
as $$
declare
  text_field text := upper(field);
  part text;
  parts text[];
  numbers integer[] := '{}';
begin
  if field = '*' then
    return array(select generate_series(first_number, last_number));
  elsif field ~ '^\d{1,2}$' then
    return array[field::integer];
  end if;
  for i in 1 .. coalesce(array_length(names, 1), 0) loop
    text_field := replace(text_field, names[i], (first_number + i - 1)::text);
  end loop;
  foreach part in array string_to_array(text_field, ',') loop
    parts := regexp_match(part, '^(\*|\d{1,2})(?:-(\d{1,2}))?(?:/(\d{1,2}))?$');
    if parts is null or (parts[1] = '*' and parts[2] is not null) or parts[3]::integer = 0 then
      return null;
    end if;
    numbers := numbers || array(
      select generate_series(
        case parts[1] when '*' then first_number else parts[1]::integer end,
        coalesce(parts[2]::integer, case when parts[1] = '*' or parts[3] is not null then last_number else parts[1]::integer end),
        coalesce(parts[3]::integer, 1)
      )
    );
  end loop;
  return numbers;
end
$$;

-- The times in (after, until] at which the pattern is due, in order. Null as the only row when the pattern is not understood here.
create function holdfast.cron_times(pattern text, timezone text, after timestamptz, until timestamptz) returns setof timestamptz
language plpgsql stable
as $$
declare
  fields constant text[] := regexp_split_to_array(trim(pattern), '\s+');
  minutes constant integer[] := holdfast.cron_numbers(fields[1], 0, 59);
  hours constant integer[] := holdfast.cron_numbers(fields[2], 0, 23);
  months constant integer[] := holdfast.cron_numbers(fields[4], 1, 12,
    array['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']);
  nth constant text[] := regexp_match(fields[5], '^([0-7])#([1-5])$');
  last_weekday constant text[] := regexp_match(upper(fields[5]), '^([0-7])L$');
  is_last_day constant boolean := upper(fields[3]) = 'L';
  days constant integer[] := case when is_last_day then '{}' else holdfast.cron_numbers(fields[3], 1, 31) end;
  weekdays constant integer[] := case
    when nth is not null then array[nth[1]::integer]
    when last_weekday is not null then array[last_weekday[1]::integer]
    else holdfast.cron_numbers(fields[5], 0, 7, array['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'])
  end;
begin
  if array_length(fields, 1) <> 5 or minutes is null or hours is null or months is null or days is null or weekdays is null then
    return next null;
    return;
  end if;
  return query
    select due.at
    from generate_series(
      ((after at time zone cron_times.timezone)::date - 1)::timestamp,
      (until at time zone cron_times.timezone)::date::timestamp,
      interval '1 day'
    ) as day
    cross join unnest(hours) as hour
    cross join unnest(minutes) as minute
    cross join lateral (select day + make_interval(hours => hour, mins => minute) as local_time) as wanted
    cross join lateral (select wanted.local_time at time zone cron_times.timezone as at) as read
    -- PostgreSQL reads a local time that comes twice as the second one; the first is as much earlier as clocks go back.
    cross join lateral (
      select min(read.at - shift) as at
      from unnest(array['0', '30 minutes', '1 hour', '2 hours']::interval[]) as shift
      where (read.at - shift) at time zone cron_times.timezone = wanted.local_time
    ) as due
    where extract(month from day)::integer = any (months)
      and (extract(day from day)::integer = any (days) or (is_last_day and extract(month from day + interval '1 day') <> extract(month from day)))
      and (extract(dow from day)::integer = any (weekdays) or (7 = any (weekdays) and extract(dow from day) = 0))
      and (nth is null or (extract(day from day)::integer - 1) / 7 + 1 = nth[2]::integer)
      and (last_weekday is null or extract(month from day + interval '7 days') <> extract(month from day))
      and due.at > cron_times.after
      and due.at <= cron_times.until
    group by due.at
    order by due.at;
end
$$;

-- The backups that are due within the next hours, in order: of schedules, and those that schedule_backup() was asked for. next_run is
-- null where a pattern is not understood here. A tenant sees its own.
create function backup_mgmt.get_next_scheduled_backups(hours integer default 24)
returns table (
  next_run timestamptz,
  schedule_bk text,
  backup_bk text,
  target text,
  engine text,
  method text,
  tier text,
  cron_expression text,
  timezone text,
  tenant_hk bytea
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  until constant timestamptz := now() + make_interval(hours => least(greatest(get_next_scheduled_backups.hours, 1), 8784));
  asker constant name := holdfast.caller();
  own constant bytea[] := case
    when holdfast.is_system_wide(asker) or pg_has_role(asker, 'holdfast_reader', 'usage') then null
    else holdfast.tenants_of(asker)
  end;
begin
  if hours is null or hours not between 1 and 8784 then
    raise exception 'hours is %, and not between 1 and 8784', coalesce(hours::text, 'null')
      using errcode = 'ZH002', hint = 'a day is 24, a year 8784';
  end if;
  return query
    with pattern as materialized (
      select distinct cron_expression, timezone
      from backup_mgmt.backup_schedule_s
      where load_end_date is null and is_enabled and (own is null or tenant_hk = any (own))
    ),
    due as materialized (
      select pattern.cron_expression, pattern.timezone, times.at
      from pattern
      cross join lateral holdfast.cron_times(pattern.cron_expression, pattern.timezone, now(), until) as times (at)
    )
    select due.at, s.schedule_bk, null, s.target, s.engine, s.method, s.tier, s.cron_expression, s.timezone, s.tenant_hk
    from due
    join backup_mgmt.backup_schedule_s as s using (cron_expression, timezone)
    where s.load_end_date is null and s.is_enabled and (own is null or s.tenant_hk = any (own))
    union all
    select s.scheduled_time, null, s.backup_bk, s.target, s.engine, s.method, s.tier, null, null, s.tenant_hk
    from backup_mgmt.backup_execution_s as s
    where s.load_end_date is null and s.backup_status = 'REQUESTED'
      and s.scheduled_time > now()
      and s.scheduled_time <= until
      and (own is null or s.tenant_hk = any (own))
    order by 1 nulls last, 4, 7;
end
$$;
