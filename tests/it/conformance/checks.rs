//! The API over sockets, on both stores: one test for each check of the contract.

use poem::http::Uri;
use study_stats::conformance::{self, Instance};

use crate::support::api::Api;
use crate::support::stores::fixture::Fixture;

/// Declares a test for each check and store, named `subject::store::check`.
macro_rules! test_checks {
    ($($subject:ident { $($check:ident),+ $(,)? })+) => {
        $(
            mod $subject {
                test_checks!(embedded, $subject: $($check),+);
                test_checks!(redis, $subject: $($check),+);
            }
        )+

        /// Names of the checks that have tests.
        const TESTED: &[&str] = &[
            $($(concat!(stringify!($subject), "/", stringify!($check))),+),+
        ];
    };
    ($store:ident, $subject:ident: $($check:ident),+) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $check() {
                    let name = concat!(stringify!($subject), "/", stringify!($check));
                    let fixture = $crate::support::stores::fixture::Fixture::$store().await;
                    $crate::conformance::checks::play(name, &fixture).await;
                }
            )+
        }
    };
}

test_checks! {
    records {
        a_new_session_and_an_update_answer_alike,
        a_second_record_of_a_session_replaces_the_first,
        the_same_record_twice_counts_once,
        twenty_identical_records_at_once_count_once,
        twenty_records_at_once_all_count,
        zero_is_a_value,
        the_extremes_are_taken,
        unknown_fields_are_ignored,
        ids_are_taken_in_either_case,
        ids_of_any_version_are_taken,
        an_older_record_is_superseded_and_changes_nothing,
        an_equally_old_record_replaces,
        one_instant_may_be_written_in_any_offset,
        a_time_of_null_is_none,
        a_time_of_less_than_a_day_ahead_is_taken,
    }
    versions {
        a_record_without_times_replaces_and_leaves_the_session_on_its_day,
        an_update_after_midnight_leaves_the_session_on_its_day,
        an_older_update_is_superseded_whatever_its_start,
        a_record_with_a_start_moves_the_session,
        a_session_without_a_version_is_put_right,
        a_fast_clock_delays_later_records_by_a_minute_at_most,
        a_version_no_later_than_the_erasure_is_gone,
        a_misspelt_time_in_a_batch_is_invalid,
    }
    sessions {
        a_session_has_exactly_its_members,
        a_session_has_no_time_in_it,
        every_digit_of_a_number_comes_back,
        random_numbers_come_back,
        a_finer_number_is_rounded_to_22_fractional_digits,
        an_integral_number_has_no_fraction,
        another_learners_session_is_not_found,
        a_session_of_another_course_is_not_found,
        one_id_in_two_courses_is_two_sessions,
    }
    totals {
        totals_are_two_sums_and_a_mean,
        the_mean_is_not_weighted,
        ten_times_a_tenth_is_one,
        what_was_replaced_leaves_no_trace,
        a_mean_may_be_negative,
        a_mean_is_rounded_once,
        twenty_two_fractional_digits_count,
        the_totals_of_a_session_are_its_numbers,
        three_thirds_are_summed_exactly,
        courses_and_learners_are_kept_apart,
        where_nothing_was_recorded_nothing_is_found,
    }
    lists {
        sessions_are_listed_newest_first_with_exactly_their_members,
        times_are_given_in_utc,
        times_of_any_year_are_given_to_the_millisecond,
        a_list_of_nothing_is_empty,
        a_list_is_of_one_learner_and_one_course,
        from_belongs_to_a_range_and_to_does_not,
        a_range_is_exact_to_the_millisecond,
        an_empty_range_has_nothing_in_it,
        a_replaced_session_moves_in_the_list,
        ranges_that_are_none_are_refused,
        courses_are_listed_latest_first_with_exactly_their_members,
        a_late_record_of_an_old_session_leaves_the_latest,
        a_later_session_moves_its_course_to_the_front,
    }
    pages {
        a_page_has_fifty_sessions_unless_asked_otherwise,
        a_page_has_up_to_five_hundred_sessions,
        pages_have_every_session_once,
        pages_have_every_course_once,
        pages_of_any_size_have_every_item_once,
        sessions_of_one_instant_are_paged_too,
        a_last_page_that_is_full_has_no_cursor,
        pages_are_stable_while_sessions_come_and_go,
        a_session_that_moves_to_the_front_is_not_in_later_pages,
        cursors_that_are_not_the_services_are_refused,
        limits_go_from_one_to_five_hundred,
    }
    activity {
        days_are_listed_oldest_first_with_exactly_their_members,
        a_day_is_the_one_that_was_written,
        days_with_nothing_are_left_out,
        where_nothing_was_done_there_are_no_days,
        days_are_of_one_learner_in_one_course,
        the_current_streak_lasts_until_the_last_day_or_the_one_before,
        a_streak_that_ended_is_not_current,
        streaks_are_counted_within_the_range,
        both_ends_of_a_range_belong_to_it,
        a_range_is_of_written_dates_in_every_offset,
        the_last_thirty_days_are_told_unless_asked_otherwise,
        the_default_range_ends_today_and_not_with_the_newest_session,
        a_day_that_has_begun_in_the_east_is_today,
        a_range_may_have_366_days_and_no_more,
        a_range_in_a_leap_year_has_366_days,
        a_range_far_from_today_needs_its_last_day,
        ranges_that_are_none_are_refused,
    }
    learner_activity {
        a_learners_activity_is_over_all_courses,
        a_streak_goes_on_in_another_course,
        a_learner_without_sessions_has_no_activity,
        a_learners_activity_follows_deletes_and_an_erasure,
        a_streak_that_reaches_the_day_before_today_is_current,
    }
    summary {
        a_summary_is_over_all_learners_with_exactly_its_members,
        a_summary_counts_many_learners_of_one_course,
        a_summary_needs_no_learner,
        its_mean_is_over_sessions_and_not_over_learners,
        its_sums_are_exact,
        a_course_that_nobody_studied_has_none,
        it_follows_a_replaced_session,
        it_follows_what_is_forgotten,
        learners_at_once_all_count,
        a_wrong_course_is_invalid,
    }
    roster {
        a_roster_has_every_learner_with_exactly_its_members,
        a_page_has_fifty_learners_unless_asked_otherwise,
        pages_of_any_size_have_every_learner_once,
        a_learner_who_is_there_all_the_while_is_met_once,
        its_totals_add_up_to_the_summary,
        it_follows_a_replaced_session,
        it_follows_what_is_forgotten,
        a_course_that_nobody_studied_has_an_empty_roster,
        a_roster_needs_no_learner,
        a_cursor_is_of_a_roster_and_of_no_other_list,
        all_wrong_parameters_are_listed_in_order,
    }
    limits {
        a_sum_past_its_limit_is_refused_and_changes_nothing,
        an_update_may_lead_to_the_limit_of_a_sum,
        a_delete_may_leave_a_sum_past_its_limit,
    }
    deletes {
        a_forgotten_session_is_gone_and_the_totals_follow,
        the_last_session_takes_the_course_along,
        a_session_that_is_not_there_is_not_found,
        a_forgotten_course_is_gone_and_the_others_are_not,
        a_course_that_is_not_there_is_not_found,
        a_forgotten_session_may_be_recorded_again,
        a_forgotten_course_is_no_erasure,
        wrong_ids_are_told,
        an_erased_learner_is_gone_everywhere_and_the_others_are_not,
        an_erasure_may_be_repeated,
        what_occurred_before_an_erasure_is_gone,
        what_was_stamped_ahead_and_erased_is_gone,
        what_occurs_after_an_erasure_begins_anew,
        a_repeated_erasure_refuses_older_records_and_takes_newer_records,
    }
    batch {
        each_record_has_an_outcome_in_order,
        every_outcome_may_be_in_one_batch,
        records_may_be_of_any_learners_and_courses,
        two_records_of_a_session_are_taken_in_order,
        records_of_one_session_are_ordered_by_time,
        an_older_record_is_superseded,
        an_erased_learners_record_is_gone,
        a_batch_has_up_to_a_thousand_records,
        a_thousand_records_of_many_learners_are_stored,
        a_thousand_records_may_be_of_one_session,
        a_batch_needs_no_user,
        an_invalid_record_is_told_and_the_others_are_stored,
        all_that_is_wrong_with_a_record_is_listed,
        a_wrong_field_has_the_error_of_a_single_record,
        an_element_that_is_no_record_is_invalid_by_itself,
        the_errors_of_many_records_are_short,
        a_record_past_the_limit_of_a_sum_is_invalid,
        a_batch_needs_its_records,
        a_batch_that_is_no_json_object_is_refused,
        a_batch_of_another_content_type_is_unsupported,
        a_batch_of_more_than_a_mebibyte_is_too_large,
    }
    conditional {
        totals_and_sessions_carry_an_etag,
        every_read_has_an_etag_of_its_own,
        what_has_not_changed_is_not_sent_again,
        what_has_changed_is_sent,
        a_write_without_a_change_keeps_every_etag_and_a_change_replaces_it,
        any_of_several_tags_will_do,
        a_tag_of_something_else_does_not_count,
        what_is_not_there_is_not_found_whatever_the_tag,
        errors_health_and_writes_carry_no_etag,
        head_carries_the_same_etag,
    }
    errors {
        each_field_that_is_missing_is_required,
        each_field_that_is_null_or_empty_is_required,
        numbers_that_are_none_are_invalid,
        numbers_out_of_range_are_invalid,
        ids_that_are_none_are_invalid,
        times_that_are_none_are_invalid,
        a_time_of_more_than_a_day_ahead_is_invalid,
        the_first_failing_check_decides_and_all_are_listed,
        a_read_needs_a_user,
        a_user_must_be_beyond_doubt,
        wrong_ids_in_a_path_are_invalid,
        what_is_refused_changes_nothing,
        a_body_that_is_no_json_object_is_refused,
        a_field_that_is_there_twice_is_invalid_json,
        deeply_nested_json_is_refused,
    }
    parameters {
        a_wrong_value_is_invalid,
        a_range_that_ends_before_its_start_is_invalid,
        a_repeated_or_empty_parameter_is_invalid,
        all_wrong_parameters_are_listed_in_order,
        cursors_of_other_lists_and_changed_cursors_are_invalid,
        unknown_parameters_are_invalid,
        a_query_is_ignored_where_there_are_no_parameters,
    }
    methods {
        unknown_paths_are_not_found,
        other_methods_are_not_allowed_and_the_right_ones_are_told,
        head_is_a_get_without_a_body,
        the_length_of_head_is_that_of_get,
    }
    protocol {
        other_content_types_are_unsupported,
        a_body_may_be_named_as_not_encoded,
        json_may_be_named_with_its_encoding,
        a_body_of_more_than_64_kibibytes_is_too_large,
        a_sane_request_id_is_given_back,
        a_request_without_an_id_gets_a_new_one,
        a_request_id_that_is_not_sane_is_replaced,
    }
    service {
        it_is_live,
        it_is_ready_and_names_its_store,
        its_document_has_every_operation,
        its_docs_are_a_page,
        its_root_leads_to_the_docs,
    }
}

/// Plays a check against the API on a store. Recounts the aggregates and indexes of the store afterwards, and
/// again when the learners of the check are erased.
pub(crate) async fn play(name: &str, fixture: &Fixture) {
    let api = Api::serve(fixture.store.clone()).await;
    let url: Uri = format!("http://{}", api.client.address).parse().unwrap();
    let instance = Instance::at(&url).unwrap();
    let check = conformance::checks().find(|check| check.name() == name);
    if let Err(mismatch) = check.unwrap().play(&instance).await {
        panic!("{mismatch}");
    }
    fixture.audit().await;
    instance.erase().await;
    assert_eq!(fixture.audit().await, 0, "sessions are left");
}

#[test]
fn every_check_has_a_test_and_a_name_of_its_own() {
    let mut checks: Vec<_> = conformance::checks().map(|check| check.name()).collect();
    let mut tested = TESTED.to_vec();
    checks.sort_unstable();
    tested.sort_unstable();
    assert_eq!(checks, tested);
    checks.dedup();
    assert_eq!(checks.len(), tested.len());
}
