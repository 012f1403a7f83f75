{#- Normalised ticker of a listing: BRK.B, BRK-B and BRK_B are one share class, ^VIX is VIX. -#}
{% macro plain_ticker(ticker) -%}
    regexp_replace(ltrim(upper({{ ticker }}), '^'), '[-_ .]+', '.', 'g')
{%- endmacro %}

{#-
    Pair of a crypto or FX ticker without the marks of a contract: .P, .F, 1!, PERP, SWAP and similar ones, and dates
    such as 250627, 27JUN25 or 26Z2025. Yahoo omits the dollar in JPY=X.
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

{#- Coin of a crypto base without its multiplier: 1000PEPE, 1MBABYDOGE, SHIB1000. -#}
{% macro coin_of(base) -%}
    regexp_replace(
        regexp_replace({{ base }}, '^(?:1000000|10000|1000|1M([A-Z]{2}))([A-Z]+)$', '\1\2'),
        '^([A-Z]{3,})1000$', '\1'
    )
{%- endmacro %}

{#- Number of coins per unit of a crypto base: the multiplier that `coin_of` removes. -#}
{% macro coins_in(base) -%}
    case
        when regexp_matches({{ base }}, '^(1000000[A-Z]+|1M[A-Z]{3,})$') then 1e6
        when regexp_matches({{ base }}, '^10000[A-Z]+$') then 1e4
        when regexp_matches({{ base }}, '^(1000[A-Z]+|[A-Z]{3,}1000)$') then 1e3
        else 1.0
    end
{%- endmacro %}

{#- Root of a futures ticker that ends in 1!, =F or a four-digit year: ES1!, ES=F, ESZ2025. Empty for other tickers. -#}
{% macro explicit_root(ticker) -%}
    regexp_extract({{ ticker }}, '^([A-Z0-9]+?)(?:[1-9]!|=F|[FGHJKMNQUVXZ]20\d{2})(?:\.[A-Z]+)?$', 1)
{%- endmacro %}

{#- Possible root of a futures ticker when short years such as ESZ5 and ESZ25 count too; a list must confirm it. -#}
{% macro possible_root(ticker) -%}
    regexp_extract(
        {{ ticker }}, '^([A-Z0-9]+?)(?:[1-9]!|=F|[FGHJKMNQUVXZ](?:\d|\d{2}|20\d{2}))?(?:\.[A-Z]+)?$', 1
    )
{%- endmacro %}
