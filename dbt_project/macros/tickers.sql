{#- One spelling of a listing's ticker: BRK.B, BRK-B and BRK_B are one share class, ^VIX is VIX. -#}
{% macro plain_ticker(ticker) -%}
    regexp_replace(ltrim(upper({{ ticker }}), '^'), '[-_ .]+', '.', 'g')
{%- endmacro %}

{#-
    The pair of a crypto or FX ticker as it is written. Contract marks come off: .P .F 1!, PERP, SWAP and their like, and
    dates such as 250627, 27JUN25 or 26Z2025. Yahoo leaves the dollar out of JPY=X.
-#}
{% macro pair_as_written() -%}
    regexp_replace(
        regexp_replace(
            regexp_replace(
                case
                    when asset_class = 'fx' and regexp_matches(ticker, '^[A-Z]{3}=X$') then 'USD' || ticker
                    else ticker
                end,
                '(=X|\.[PFS]|[1-9]!)$', ''
            ),
            '^(.+?)([-_.]?PERP|[-_.](PERPETUAL|SWAP|[UD]MCBL|SPBL))$', '\1'
        ),
        case
            when asset_class = 'fx' then '^$'
            when product = 'dated'
                then
                    '^(.+?)([-_.]?(\d{6}|\d{8}|\d{1,2}[A-Z]{3}\d{2})'
                    || '|[-_.]?\d{0,2}[FGHJKMNQUVXZ](20\d{2}|\d{1,2}))$'
            else '^(.+?)([-_.](\d{6}|\d{8}|\d{1,2}[A-Z]{3}\d{2})|\d{0,2}[FGHJKMNQUVXZ]20\d{2})$'
        end,
        '\1'
    )
{%- endmacro %}

{#- The coin of a crypto base with its multiplier folded in: 1000PEPE, 1MBABYDOGE, SHIB1000. -#}
{% macro coin_of(base) -%}
    regexp_replace(
        regexp_replace({{ base }}, '^(?:1000000|10000|1000|1M([A-Z]{2}))([A-Z]+)$', '\1\2'),
        '^([A-Z]{3,})1000$', '\1'
    )
{%- endmacro %}

{#- How many coins one unit of a crypto base is: the multiplier that `coin_of` folds in. -#}
{% macro coins_in(base) -%}
    case
        when regexp_matches({{ base }}, '^(1000000[A-Z]+|1M[A-Z]{3,})$') then 1e6
        when regexp_matches({{ base }}, '^10000[A-Z]+$') then 1e4
        when regexp_matches({{ base }}, '^(1000[A-Z]+|[A-Z]{3,}1000)$') then 1e3
        else 1.0
    end
{%- endmacro %}

{#- The root of a futures ticker that 1!, =F or a whole year mark off: ES1!, ES=F, ESZ2025. Empty for any other. -#}
{% macro root_marked_off(ticker) -%}
    regexp_extract({{ ticker }}, '^([A-Z0-9]+?)(?:[1-9]!|=F|[FGHJKMNQUVXZ]20\d{2})(?:\.[A-Z]+)?$', 1)
{%- endmacro %}

{#- What may be the root of a futures ticker where ESZ5 and ESZ25 count as dated too: only a list can tell. -#}
{% macro root_perhaps(ticker) -%}
    regexp_extract(
        {{ ticker }}, '^([A-Z0-9]+?)(?:[1-9]!|=F|[FGHJKMNQUVXZ](?:\d|\d{2}|20\d{2}))?(?:\.[A-Z]+)?$', 1
    )
{%- endmacro %}
