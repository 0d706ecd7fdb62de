-- When it was last asked whether the execution of a started request still runs. What was asked about longest ago comes first, so that each has its
-- turn however many there are; and what waits for a second person until a known time, as its own clock knows, is asked about seldom.
alter table holdfast.request add column looked_at timestamptz null;
grant update (looked_at) on holdfast.request to holdfast_writer;
